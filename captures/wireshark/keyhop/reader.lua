-- A reader takes fields of any number of bits, most significant first, and adds them to a tree.
--
-- `short` turns true at the first field that does not fit before `stop`; from then on nothing is read or added.

return function(keyhop)
    local f = keyhop.f
    local Reader = {}
    Reader.__index = Reader

    -- A reader of the octets `from` to `to - 1`, as far as they were captured.
    function keyhop.reader(tvb, from, to)
        return setmetatable({ tvb = tvb, bit = from * 8, stop = math.min(to, tvb:len()) * 8, short = false }, Reader)
    end

    -- Six octets as text, never as a name.
    function keyhop.address(octets)
        return (octets:lower():gsub("(%x%x)", "%1:"):sub(1, 17))
    end

    -- Whether bit `position` of `value` is set, the least significant being 0.
    function keyhop.has(value, position)
        return math.floor(value / 2 ^ position) % 2 == 1
    end

    -- The octet that holds the next bit, and the number of whole octets left.
    function Reader:octet() return math.floor(self.bit / 8) end
    function Reader:left() return self.short and 0 or math.max(0, math.floor((self.stop - self.bit) / 8)) end

    -- Goes on at the next octet boundary.
    function Reader:align() self.bit = math.ceil(self.bit / 8) * 8 end

    -- The octets that hold the next `bits` bits, and the place of the first in them; nil if they are not there.
    function Reader:take(bits)
        if self.short or self.bit + bits > self.stop then
            self.short = true
            return nil
        end
        local first, offset = self:octet(), self.bit % 8
        self.bit = self.bit + bits
        return self.tvb:range(first, math.ceil(self.bit / 8) - first), offset
    end

    -- Adds an unsigned number of up to 32 bits and returns it with its item; 0 and nil if it is not there.
    function Reader:uint(tree, field, bits)
        local range, offset = self:take(bits)
        if not range then return 0 end
        local value = range:bitfield(offset, bits)
        return value, tree:add(field, range, value)
    end

    -- Adds a signed number of 8 bits and returns it with its item; 0 and nil if it is not there.
    function Reader:int8(tree, field)
        local range, offset = self:take(8)
        if not range then return 0 end
        local value = range:bitfield(offset, 8)
        if value >= 0x80 then value = value - 0x100 end
        return value, tree:add(field, range, value)
    end

    -- Adds a single bit and returns it; false if it is not there.
    function Reader:flag(tree, field)
        local range, offset = self:take(1)
        if not range then return false end
        local set = range:bitfield(offset, 1) == 1
        tree:add(field, range, set)
        return set
    end

    -- Adds a BSID (48 bits, at any bit) and returns it as text; nil if it is not there.
    function Reader:bsid(tree, field)
        local range, offset = self:take(48)
        if not range then return nil end
        local text = {}
        for i = 0, 5 do text[i + 1] = string.format("%02x", range:bitfield(offset + i * 8, 8)) end
        text = keyhop.address(table.concat(text))
        tree:add(field, range, Address.ether(text))
        return text
    end

    -- Adds `count` octets and returns them; nothing is added for none. Only at an octet boundary.
    function Reader:bytes(tree, field, count)
        if count <= 0 then return nil end
        local range = self:take(count * 8)
        if range then tree:add(field, range) end
        return range
    end

    -- Adds what is left as octets that have no meaning here.
    function Reader:rest(tree)
        self:align()
        self:bytes(tree, f.undecoded, self:left())
    end

    -- Reads one part of a message, `read(subtree)`, into a subtree of its own.
    function Reader:part(tree, text, read)
        if self.short or self.bit >= self.stop then
            self.short = true
            return
        end
        local first = self:octet()
        local item = tree:add(self.tvb:range(first, 1), text)
        read(item)
        item:set_len(math.max(1, math.ceil(self.bit / 8) - first))
    end

    -- A part for each of `count` entries; ends with the message.
    function Reader:parts(tree, text, count, read)
        for i = 1, count do
            if self.short then return end
            self:part(tree, text .. " " .. i, read)
        end
    end
end

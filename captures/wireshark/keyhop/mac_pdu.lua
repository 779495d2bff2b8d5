-- MAC PDUs: generic MAC header, subheaders, payload in the clear or encrypted, CRC (802.16-2009 clauses 6.3.2.1.1, 6.3.2.2
-- and 7.5.1.2; `dot16-wire.md` 1.5, 2.1 to 2.6).

return function(keyhop)
    local f, names, has = keyhop.f, keyhop.names, keyhop.has

    local HEADER = 6
    keyhop.HEADER = HEADER

    -- CRC-8 with polynomial x^8 + x^2 + x + 1 over the five octets before the HCS.
    local function hcs_fits(tvb, at)
        local crc = 0
        for i = 0, 4 do
            crc = bit.bxor(crc, tvb:range(at + i, 1):uint())
            for _ = 1, 8 do
                crc = crc * 2
                if crc > 0xff then crc = bit.bxor(crc, 0x107) end
            end
        end
        return crc == tvb:range(at + 5, 1):uint()
    end

    -- Basic and primary CIDs as Wireshark takes them by default, AAS initial ranging, and the broadcast CIDs.
    local function carries_management(cid)
        return cid <= 640 or cid == 0xfeff or (cid >= 0xfffa and cid ~= 0xfffe)
    end

    -- The length of the MAC PDU at octet `at` as its header says it, nil if no header stands there. Not all of it may be captured.
    function keyhop.pdu_length(tvb, at)
        if at + HEADER > tvb:len() or not hcs_fits(tvb, at) then return nil end
        if tvb:range(at, 1):bitfield(0, 1) == 1 then return HEADER end -- a signalling header stands alone
        local length = tvb:range(at + 1, 2):bitfield(5, 11)
        return length >= HEADER and length or nil
    end

    -- Adds PN, ciphertext and ICV of the encrypted payload in octets `from` to `to - 1`, as far as captured.
    local function encrypted(tvb, from, to, tree, cid, eks)
        local r = keyhop.reader(tvb, from, to)
        local text = string.format("Encrypted PDU CID=0x%04x EKS=%d", cid, eks)
        local range = r:take(32)
        if not range then return text .. " [cut short]" end
        local pn = range:le_uint()
        local uplink, counter = math.floor(pn / 2 ^ 31), pn % 2 ^ 31
        local item = tree:add_le(f.pn, range)
        item:add(f.pn_direction, range(3, 1), uplink)
        item:add(f.pn_counter, range, counter)
        text = string.format("%s %s PN=%d", text, names.DIRECTION[uplink], counter)
        -- without the end of the payload nothing is known to be the ICV
        local whole = to <= tvb:len() and r:left() >= 8
        local length = whole and r:left() - 8 or r:left()
        r:bytes(tree, f.ciphertext, length)
        if whole then r:bytes(tree, f.icv, 8) end
        return string.format("%s%s", text, whole and string.format(" length=%d", length) or " [cut short]")
    end

    -- Adds a fragmentation subheader and the piece behind it.
    local function fragment(r, tree, extended)
        local control = r:uint(tree, f.fragment_control, 2)
        local fsn = r:uint(tree, f.fragment_fsn, extended and 11 or 3)
        r:uint(tree, f.reserved, 3)
        local length = r:left()
        r:bytes(tree, f.payload, length)
        return string.format("fragment %s FSN=%d length=%d", names.FRAGMENT[control], fsn, length)
    end

    -- Adds the packing subheaders, each with its piece.
    local function packed(r, tree, extended)
        local pieces = {}
        local size = extended and 3 or 2
        while not r.short and r:left() > 0 do
            r:part(tree, "Piece", function(item)
                local control = r:uint(item, f.packing_control, 2)
                local fsn = r:uint(item, f.packing_fsn, extended and 11 or 3)
                local length = r:uint(item, f.packing_length, 11) - size
                if length < 0 or length > r:left() then r.short = true end
                if r.short then return end
                r:bytes(item, f.payload, length)
                table.insert(pieces, control == 0 and tostring(length)
                    or string.format("%d (%s of FSN %d)", length, names.FRAGMENT[control], fsn))
            end)
        end
        return "packed length=" .. table.concat(pieces, ",")
    end

    -- Adds what a PDU that is neither encrypted nor a management message holds.
    local function data(tvb, from, to, tree, cid, subheaders)
        local r = keyhop.reader(tvb, from, to)
        local text = string.format("Data CID=0x%04x", cid)
        local form, extended = subheaders - (has(subheaders, 3) and 8 or 0), has(subheaders, 3)
        local function add(what) text = text .. " " .. what end
        if form == 4 then
            add(fragment(r, tree, extended))
        elseif form == 2 then
            add(packed(r, tree, extended))
        elseif subheaders == 0 then
            add(string.format("length=%d", r:left()))
            r:bytes(tree, f.payload, r:left())
        else
            add(string.format("with subheaders length=%d", r:left()))
            r:rest(tree)
        end
        if r.short or to > tvb:len() then add("[cut short]") end
        return text
    end

    -- Adds the MAC PDU of `length` octets at octet `at`, and returns its text for Info and whether it holds what Wireshark
    -- dissects further: data in the clear, or EAP.
    function keyhop.mac_pdu(tvb, at, length, tree)
        if tvb:range(at, 1):bitfield(0, 1) == 1 then
            tree:add(tvb:range(at, HEADER), "Signalling header"):add(f.ht, tvb:range(at, 1), true)
            return "Signalling header", false
        end
        local after = at + length
        local item = tree:add(tvb:range(at, math.min(after, tvb:len()) - at), "MAC PDU")
        local header = item:add(tvb:range(at, HEADER), "Generic MAC header")
        local r = keyhop.reader(tvb, at, after)
        r:flag(header, f.ht)
        local ec = r:flag(header, f.ec)
        local subheaders = r:uint(header, f.subheaders, 6)
        local esf = r:flag(header, f.esf)
        local ci = r:flag(header, f.ci)
        local eks = tvb:range(at + 1, 1):bitfield(2, 2)
        if ec then r:uint(header, f.eks, 2) else r:take(2) end -- means nothing in a PDU that is not encrypted
        r:take(1)
        r:uint(header, f.len, 11)
        local cid = r:uint(header, f.cid, 16)
        r:uint(header, f.hcs, 8)

        local from, to = at + HEADER, after - (ci and 4 or 0)
        if esf and r:left() > 0 then
            local group = math.min(tvb:range(from, 1):uint(), r:left())
            r:bytes(item, f.extended, group)
            from = from + group
        end
        local text, inside = nil, false
        if ec then
            text = encrypted(tvb, from, to, item, cid, eks)
        elseif subheaders == 0 and carries_management(cid) then
            text, inside = keyhop.message(tvb, from, to, item, cid)
        else
            text, inside = data(tvb, from, to, item, cid, subheaders), true
        end
        if ci and to >= from and after <= tvb:len() then item:add(f.crc, tvb:range(to, 4)) end
        item:set_text(text)
        return text, inside
    end
end

-- MAC management messages: the fixed part of each, then its TLVs, and what the Info column tells of it (802.16-2009 clause
-- 6.3.2.3; `dot16-wire.md` 3).

return function(keyhop)
    local f, names = keyhop.f, keyhop.names
    local specs = keyhop.tlvs

    -- What reads the fixed part of each type and returns the table of its TLVs; those of mobility.lua come later.
    local messages = {}
    keyhop.messages = messages

    -- Words for the Info column, in the order in which they were read.
    local Words = {}
    Words.__index = Words
    function Words:add(...) table.insert(self, string.format(...)) end
    function keyhop.words() return setmetatable({}, Words) end

    messages[4] = function(r, tree)
        r:uint(tree, f.reserved, 8)
        return specs.RNG_REQ
    end
    messages[5] = function(r, tree)
        r:uint(tree, f.reserved, 8)
        return specs.RNG_RSP
    end
    messages[6] = function() return specs.REG end
    messages[7] = function(r, tree, say)
        local response, item = r:uint(tree, f.response, 8)
        if item then say:add("%s", names.RESPONSE[response] or "response " .. response) end
        return specs.REG
    end
    messages[26] = function() return specs.SBC end
    messages[27] = messages[26]
    messages[9] = function(r, tree, say)
        local code, item = r:uint(tree, f.pkm_code, 8)
        if item then say:add("%s", names.PKM_CODE[code] or "code " .. code) end
        local identifier = r:uint(tree, f.pkm_identifier, 8)
        if not r.short then say:add("id=%d", identifier) end
        return specs.PKM
    end
    messages[10] = messages[9]

    -- Adds the management message in octets `from` to `to - 1` and returns its text for Info and whether it holds EAP. `cid` is
    -- nil where it is not known.
    function keyhop.message(tvb, from, to, tree, cid)
        local r = keyhop.reader(tvb, from, to)
        local kind, item = r:uint(tree, f.msg_type, 8)
        local say = keyhop.words()
        if not item then
            say:add("Management message")
        else
            say:add("%s", names.MESSAGE[kind] or "Management message of type " .. kind)
        end
        if cid then say:add("CID=%d", cid) end
        local found = item and messages[kind] and messages[kind](r, tree, say)
        if found then
            r:align()
            keyhop.read_tlvs(r, tree, found, say)
        elseif item then
            say:add("length=%d", math.max(0, to - from))
            r:rest(tree)
        end
        if r.short or to > tvb:len() then say:add("[cut short]") end
        return table.concat(say, " "), say.eap == true
    end
end

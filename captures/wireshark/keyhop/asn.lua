-- ASN control messages: what Wireshark's own dissector leaves as octets or out of the Info column (`dot16-wire.md` 5).
--
-- The numbers inside the Vendor Specific TLV are keyhop's own, behind its vendor ID.

return function(keyhop)
    local f, names = keyhop.f, keyhop.names

    local HEADER, DEEPEST = 20, 8
    local BS_ID, CMAC_KEY_COUNT, VENDOR_SPECIFIC = 25, 34, 261
    -- The types that hold TLVs.
    local COMPOUND = {}
    for _, kind in ipairs({ 6, 26, 45, 103, 107, 108, 110, 112, 114, 170, 185 }) do COMPOUND[kind] = true end

    -- Sub-codes behind the vendor ID, each with the octets of its content (nil: any number but none).
    local PRIVATE = {
        [1] = { 0, function(_, tree, say, code)
            tree:add(f.asn_issued, code, true)
            say:add("issued before")
        end },
        [2] = { 2, function(range, tree, say)
            tree:add(f.primary_cid, range)
            say:add("primary=%d", range:uint())
        end },
        [3] = { 2, function(range, tree, say)
            tree:add(f.vendor_deadline, range)
            say:add("ranging_deadline=%dms", range:uint() * 10)
        end },
        [4] = { nil, function(range, tree) tree:add(f.asn_window, range) end },
        [5] = { 1, function(range, tree, say)
            tree:add(f.vendor_seamless, range)
            if range:uint() ~= 0 then say:add("seamless") end
        end },
    }

    -- The vendor ID, then for keyhop's a sub-code and its content.
    local function vendor_specific(tvb, from, to, tree, say)
        if to - from < 3 then return end
        local item = tree:add(tvb:range(from, to - from), "Vendor Specific TLV")
        item:add(f.vendor_id, tvb:range(from, 3))
        if to - from < 4 or tostring(tvb:range(from, 3):bytes()):lower() ~= keyhop.KEYHOP_VENDOR then return end
        local code = tvb:range(from + 3, 1)
        local private, content = PRIVATE[code:uint()], to - from - 4
        if private and (private[1] or content) == content and (private[1] or content > 0) then
            private[2](content > 0 and tvb:range(from + 4, content) or nil, item, say, code)
        end
    end

    local function read_tlvs(tvb, at, to, tree, say, depth)
        while at + 4 <= to do
            local kind, length = tvb:range(at, 2):uint(), tvb:range(at + 2, 2):uint()
            local from = at + 4
            at = from + length
            if at > to then return end
            if COMPOUND[kind] and depth < DEEPEST then
                read_tlvs(tvb, from, at, tree, say, depth + 1)
            elseif kind == CMAC_KEY_COUNT and length == 2 then
                tree:add(f.cmac_key_count, tvb:range(from, 2))
                say:add("CMAC_KEY_COUNT=%d", tvb:range(from, 2):uint())
            elseif kind == VENDOR_SPECIFIC then
                vendor_specific(tvb, from, at, tree, say)
            elseif kind == BS_ID and length == 6 then
                say:add("BS=%s", keyhop.address(tostring(tvb:range(from, 6):bytes())))
            end
        end
    end

    -- Adds the control message that starts at octet `from` and returns what the Info column does not tell already, nil if
    -- nothing. The header says how long it is.
    function keyhop.asn_message(tvb, from, tree)
        if from + HEADER > tvb:len() then return nil end
        local to = math.min(from + tvb:range(from + 4, 2):uint(), tvb:len())
        if to - from < HEADER then return nil end
        local kind = tvb:range(from + 2, 2)
        local item = tree:add(tvb:range(from, to - from), "ASN control message")
        item:add(f.asn_message, kind)
        item:append_text(": " .. (names.ASN_MESSAGE[kind:uint()] or "of another kind"))
        local say = keyhop.words()
        read_tlvs(tvb, from + HEADER, to, item, say, 1)
        return #say > 0 and table.concat(say, " ") or nil
    end
end

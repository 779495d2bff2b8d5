-- The messages that Wireshark 4.0 leaves as octets: handover (802.16e-2005 clauses 6.3.2.3.47 to .55; `dot16-wire.md` 3.4) and
-- de-registration (802.16-2009 clauses 6.3.2.3.26 and .42; `dot16-wire.md` 3.6).
--
-- Each reads its fixed part and returns the table of the TLVs that follow; nil if its layout is not known, so that the rest
-- stays octets.

return function(keyhop)
    local f, names, has = keyhop.f, keyhop.names, keyhop.has
    local specs = keyhop.tlvs
    local messages = keyhop.messages

    local function read_cinr(r, tree, field)
        local value, item = r:int8(tree, field)
        if item then item:append_text(string.format(" (%.1f dB)", value / 2)) end
    end

    local function read_rssi(r, tree, field)
        local value, item = r:uint(tree, field, 8)
        if item then item:append_text(string.format(" (%.2f dBm)", value / 4 - 103.75)) end
    end

    local function say_bsids(say, what, bsids)
        if #bsids > 0 then say:add("%s=%s", what, table.concat(bsids, ",")) end
    end

    -- MOB_NBR-ADV: the neighbours of a BS, broadcast.
    messages[53] = function(r, tree, say)
        local skip = r:uint(tree, f.skip, 8)
        local operator = not has(skip, 0) and r:bytes(tree, f.operator, 3)
        r:uint(tree, f.change_count, 8)
        r:uint(tree, f.fragmentation_index, 4)
        r:uint(tree, f.fragmentation_total, 4)
        local bsids = {}
        local function neighbour(item)
            local length = r:uint(item, f.neighbour_length, 8)
            if length > r:left() then
                r.short = true
                return
            end
            local entry = keyhop.reader(r.tvb, r:octet(), r:octet() + length)
            r.bit = entry.stop
            local phy = entry:uint(item, f.neighbour_phy, 8)
            if has(phy, 6) then entry:uint(item, f.neighbour_fa, 8) end
            if has(phy, 4) then entry:int8(item, f.neighbour_eirp) end
            local low = not has(skip, 1) and entry:bytes(item, f.neighbour_low, 3)
            if operator and low then
                local bsid = keyhop.address(tostring(operator:bytes()) .. tostring(low:bytes()))
                item:add(f.neighbour_bsid, low, Address.ether(bsid)):set_generated()
                table.insert(bsids, bsid)
            end
            entry:uint(item, f.neighbour_preamble, 8)
            if not has(skip, 2) then keyhop.read_optimization(entry, item, 1) end
            if not has(skip, 3) then entry:uint(item, f.neighbour_scheduling, 8) end
            entry:uint(item, f.neighbour_dcd, 4)
            entry:uint(item, f.neighbour_ucd, 4)
            keyhop.read_tlvs(entry, item, specs.NONE, say)
        end
        local n = r:uint(tree, f.n_neighbours, 8)
        r:parts(tree, "Neighbour", n, neighbour)
        if #bsids > 0 then say_bsids(say, "neighbours", bsids) else say:add("neighbours: %d", n) end
        return specs.NONE
    end

    -- MOB_MSHO-REQ: the MS asks for a handover and reports what it hears.
    messages[57] = function(r, tree, say)
        local metric, item = r:uint(tree, f.metric, 8)
        if item then
            for i, field in ipairs({ f.metric_cinr, f.metric_rssi, f.metric_delay, f.metric_rtd }) do
                item:add(field, r.tvb:range(r:octet() - 1, 1), has(metric, i - 1))
            end
        end
        local function read_heard(bs)
            r:uint(bs, f.candidate_preamble, 8)
            if has(metric, 0) then read_cinr(r, bs, f.candidate_cinr) end
            if has(metric, 1) then read_rssi(r, bs, f.candidate_rssi) end
            if has(metric, 2) then r:uint(bs, f.candidate_delay, 8) end
            r:uint(bs, f.candidate_service, 3)
            if r:flag(bs, f.candidate_atd_included) then r:uint(bs, f.candidate_atd, 4) end
        end
        local n_index = r:uint(tree, f.n_index, 8)
        if n_index > 0 then r:uint(tree, f.change_count, 8) end
        r:parts(tree, "BS by neighbour index", n_index, function(bs)
            r:uint(bs, f.candidate_index, 8)
            read_heard(bs)
        end)
        local bsids = {}
        r:parts(tree, "BS", r:uint(tree, f.n_full, 8), function(bs)
            table.insert(bsids, r:bsid(bs, f.candidate_bsid))
            read_heard(bs)
        end)
        say_bsids(say, "target", bsids)
        local n_current = r:uint(tree, f.n_current, 3)
        r:uint(tree, f.reserved, 1)
        r:parts(tree, "Current BS", n_current, function(bs)
            r:uint(bs, f.current_id, 4)
            if has(metric, 0) then read_cinr(r, bs, f.current_cinr) end
            if has(metric, 1) then read_rssi(r, bs, f.current_rssi) end
            if has(metric, 2) then r:uint(bs, f.current_delay, 8) end
            if has(metric, 3) then r:uint(bs, f.current_rtd, 8) end
        end)
        return specs.TUPLE_ONLY
    end

    -- The targets of a MOB_BSHO-RSP in mode 0.
    local function read_recommended(r, tree, say)
        r:flag(tree, f.mandatory)
        local n = r:uint(tree, f.n_recommended, 8)
        r:flag(tree, f.retain)
        r:uint(tree, f.reserved, 7)
        local bsids = {}
        r:parts(tree, "Recommended BS", n, function(bs)
            table.insert(bsids, r:bsid(bs, f.candidate_bsid))
            r:uint(bs, f.candidate_preamble, 8)
            r:uint(bs, f.candidate_service, 8)
            keyhop.read_optimization(r, bs, 1)
            r:flag(bs, f.candidate_assisted)
            if r:flag(bs, f.candidate_ho_id_included) then r:uint(bs, f.candidate_ho_id, 8) end
            local policy = r:flag(bs, f.candidate_policy_included)
            r:uint(bs, f.reserved, 4)
            if policy then r:uint(bs, f.candidate_policy, 8) end
        end)
        say_bsids(say, "target", bsids)
    end

    -- MOB_BSHO-RSP: the serving BS names the targets and the action time (mode 0), or recommends none (mode 7). Other modes
    -- have no known layout.
    messages[58] = function(r, tree, say)
        local mode = r:uint(tree, f.mode, 3)
        r:uint(tree, f.reserved, 5)
        if mode == 0 then
            read_recommended(r, tree, say)
        elseif mode == 7 then
            say:add("no handover")
        else
            return nil
        end
        local value, item = r:uint(tree, f.action_time, 8)
        if item then say:add("action_time=%d", value) end
        return specs.BSHO_RSP
    end

    -- MOB_HO-IND: the MS leaves, stays, or refuses. Only mode 0 has a known layout.
    messages[59] = function(r, tree, say)
        r:uint(tree, f.reserved, 6)
        if r:uint(tree, f.mode, 2) ~= 0 then return nil end
        local kind, item = r:uint(tree, f.ho_ind_type, 2)
        r:uint(tree, f.ranging_parameters, 2)
        r:uint(tree, f.reserved, 4)
        if item then
            say:add("%s", names.HO_IND_TYPE[kind])
            if kind == 0 then say_bsids(say, "target", { r:bsid(tree, f.target_bsid) }) end
        end
        r:uint(tree, f.preamble, 8)
        return specs.TUPLE_ONLY
    end

    -- DREG-CMD, DREG-REQ: an action code, then TLVs.
    local function de_registration(field, actions)
        return function(r, tree, say)
            local action, item = r:uint(tree, field, 8)
            if item then say:add("%s", actions[action] or "action " .. action) end
            return specs.TUPLE_ONLY
        end
    end
    messages[29] = de_registration(f.dreg_cmd_action, names.DREG_CMD_ACTION)
    messages[49] = de_registration(f.dreg_req_action, names.DREG_REQ_ACTION)
end

-- TLVs: type, length (one octet up to 127, else 0x80 + n and n octets), value (802.16-2009 clause 11; `dot16-wire.md` 2.7, 3, 4).
--
-- A table of TLVs has for each type its name, how many octets its value has to have (nil: any number), and what reads it. A
-- value of another length is shown as octets, and so is that of a type that is not in the table.

return function(keyhop)
    local f, names, has = keyhop.f, keyhop.names, keyhop.has

    -- TLVs inside TLVs are read to this depth.
    local DEEPEST = 6

    -- Reads TLVs up to the end of `r`. `say` collects what the Info column tells.
    local function read_tlvs(r, tree, specs, say, depth)
        depth = depth or 1
        local function read(item)
            local kind = r:uint(item, f.tlv_type, 8)
            local octets_of_length = 1
            if r:left() > 0 and r.tvb:range(r:octet(), 1):uint() >= 0x80 then
                octets_of_length = r:take(8):uint() - 0x80
                if octets_of_length < 1 or octets_of_length > 4 then r.short = true end
            end
            local length = r:uint(item, f.tlv_length, octets_of_length * 8)
            if r.short then return end
            local spec = depth <= DEEPEST and specs[kind] or nil
            item:set_text(string.format("%s (TLV %d, %d octets)", spec and spec.name or "TLV", kind, length))
            local complete = length <= r:left()
            local value = keyhop.reader(r.tvb, r:octet(), r:octet() + math.min(length, r:left()))
            if spec and complete and length > 0 and (spec.fits == nil or spec.fits(value, length)) then
                spec.read(value, item, say, depth)
                value.short = false
                value:rest(item)
            else
                value:bytes(item, f.tlv_value, value:left())
            end
            r.bit = value.stop
            r.short = not complete
        end
        while not r.short and r:left() > 0 do r:part(tree, "TLV", read) end
    end
    keyhop.read_tlvs = read_tlvs

    local function of_length(...)
        local wanted = { ... }
        return function(_, length)
            for _, octets in ipairs(wanted) do
                if octets == length then return true end
            end
            return false
        end
    end

    -- A TLV with one field of `octets` octets, of any number if that is nil. `tell(value, item, say)` says more of a number.
    local function one(name, field, octets, tell)
        return {
            name = name,
            fits = octets and of_length(octets) or nil,
            read = function(r, tree, say)
                local range = r:take(r:left() * 8)
                local item = tree:add(field, range)
                if tell then tell(range:len() <= 4 and range:uint() or nil, item, say, range) end
            end,
        }
    end

    -- A flag of one octet, 0 or 1.
    local function yes_or_no(name, field, text)
        return {
            name = name,
            fits = function(r, length) return length == 1 and r.tvb:range(r:octet(), 1):uint() <= 1 end,
            read = function(r, tree, say)
                local range = r:take(8)
                tree:add(field, range)
                if text and range:uint() == 1 then say:add(text) end
            end,
        }
    end

    -- A TLV that holds TLVs.
    local function compound(name, specs)
        return { name = name, read = function(r, tree, say, depth) read_tlvs(r, tree, specs, say, depth + 1) end }
    end

    -- For Info: "text=value".
    local function says(format)
        return function(value, _, say) say:add(format, value) end
    end
    local function says_octets(format)
        return function(_, _, say, range) say:add(format, tostring(range:bytes()):lower()) end
    end
    local function says_address(format)
        return function(_, _, say, range) say:add(format, keyhop.address(tostring(range:bytes()))) end
    end
    local function says_name(of, format)
        return function(value, _, say) say:add(format or "%s", of[value] or tostring(value)) end
    end
    local function in_units(of_value)
        return function(value, item) item:append_text(of_value(value)) end
    end

    -- CMAC tuple: of 13 octets, or 19 with a BSID (11.1.2.2).
    local cmac_tuple = {
        name = "CMAC tuple",
        fits = of_length(13, 19),
        read = function(r, tree, say)
            local long = r:left() == 19
            r:uint(tree, f.reserved, 4)
            r:uint(tree, f.cmac_ak_sn, 4)
            if long then r:bsid(tree, f.cmac_bsid) end
            local pn = r:uint(tree, f.cmac_pn, 32)
            r:bytes(tree, f.cmac_value, 8)
            say:add("CMAC_PN=%d", pn)
        end,
    }

    -- CMAC digest of PKM messages: the same without the AK sequence number.
    local cmac_digest = {
        name = "CMAC digest",
        fits = of_length(12),
        read = function(r, tree, say)
            local pn = r:uint(tree, f.cmac_pn, 32)
            r:bytes(tree, f.cmac_value, 8)
            say:add("CMAC_PN=%d", pn)
        end,
    }

    -- Vendor-specific information. The numbers inside are keyhop's own, so they mean something only behind its vendor ID.
    local KEYHOP_VENDOR = "026b68"
    keyhop.KEYHOP_VENDOR = KEYHOP_VENDOR
    local vendor_id = one("Vendor ID", f.vendor_id, 3)
    local of_keyhop = {
        [144] = vendor_id,
        [1] = yes_or_no("Seamless handover", f.vendor_seamless, "seamless"),
        [2] = one("Ranging deadline", f.vendor_deadline, 2, function(value, item, say)
            item:append_text(string.format(" (%d ms)", value * 10))
            say:add("ranging_deadline=%dms", value * 10)
        end),
        [3] = {
            name = "Candidate",
            fits = function(r, length)
                return length >= 12 and length == 12 + 8 * r.tvb:range(r:octet() + 11, 1):uint()
            end,
            read = function(r, tree)
                r:bsid(tree, f.vendor_bsid)
                r:uint(tree, f.vendor_basic, 16)
                r:uint(tree, f.vendor_primary, 16)
                r:uint(tree, f.vendor_flags, 8)
                r:parts(tree, "Service flow", r:uint(tree, f.vendor_flows, 8), function(flow)
                    r:uint(flow, f.flow_sfid, 32)
                    r:uint(flow, f.flow_cid, 16)
                    r:uint(flow, f.flow_said, 16)
                end)
            end,
        },
    }
    local vendor = {
        name = "Vendor-specific information",
        read = function(r, tree, say, depth)
            local ours = r:left() >= 5 and r.tvb:range(r:octet(), 2):uint() == 0x9003
                and tostring(r.tvb:range(r:octet() + 2, 3):bytes()):lower() == KEYHOP_VENDOR
            read_tlvs(r, tree, ours and of_keyhop or { [144] = vendor_id }, say, depth + 1)
        end,
    }

    -- HO process optimization of `octets` octets: 1 in MOB_BSHO-RSP and MOB_NBR-ADV, 2 in RNG-RSP.
    function keyhop.read_optimization(r, tree, octets)
        local first = r:octet()
        local value, item = r:uint(tree, f.ho_optimization, octets * 8)
        if not item then return end
        local range = r.tvb:range(first, math.ceil(r.bit / 8) - first)
        item:add(f.omit_sbc, range, has(value, 0))
        item:add(f.security, range, math.floor(value / 2) % 4)
        for i, field in ipairs({ f.omit_address, f.omit_time, f.omit_tftp, f.state_kept, f.omit_reg }) do
            item:add(field, range, has(value, i + 2))
        end
        if octets == 2 then
            item:add(f.data_pending, range, has(value, 9))
            item:add(f.notify_re_entry, range, has(value, 12))
        end
    end

    local retain_time = one("Resource retain time", f.retain_time, 2, in_units(function(value)
        return string.format(" (%.1f s)", value / 10)
    end))
    local security_negotiation = compound("Security negotiation parameters", {
        [1] = one("PKM version support", f.pkm_version, 1),
        [2] = one("Authorization policy support", f.authorization_policy, 1),
        [3] = one("Message authentication code mode", f.mac_mode, 1),
        [4] = one("PN window size", f.pn_window, 2, says("PN_window=%d")),
        [5] = one("Maximum concurrent transactions", f.max_transactions, 1),
        [6] = one("Maximum security associations", f.max_sas, 1),
    })
    local tek_parameters = {
        [8] = one("TEK", f.tek_wrapped),
        [9] = one("Lifetime", f.tek_lifetime, 4),
        [10] = one("TEK sequence number", f.tek_sn, 1, says("TEK_SN=%d")),
    }
    local sa_tek_update = compound("SA-TEK-Update", {
        [1] = one("Type", f.update_kind, 1),
        [2] = one("New SAID", f.update_new_said, 2, says("SA-TEK-Update SAID=0x%04x")),
        [3] = one("Old SAID", f.update_old_said, 2),
        [4] = compound("Older TEK parameters", tek_parameters),
        [5] = compound("Newer TEK parameters", tek_parameters),
    })
    local akid = one("AKID", f.akid, 8, says_octets("AKID=%s"))

    local specs = {}
    keyhop.tlvs = specs

    specs.NONE = {}
    specs.TUPLE_ONLY = { [141] = cmac_tuple }
    specs.BSHO_RSP = { [28] = retain_time, [141] = cmac_tuple, [143] = vendor }

    specs.REG = {
        [6] = one("Uplink transport CIDs supported", f.uplink_cids, 2),
        [27] = one("Handover support", f.handover_support, 1),
        [28] = retain_time,
        [29] = one("HO process optimization MS timer", f.ho_timer, 1),
        [31] = one("Mobility features", f.mobility_features, 1),
        [38] = sa_tek_update,
        [41] = one("MS HO connection processing time", f.ho_connection_time, 1),
        [42] = one("MS HO TEK processing time", f.ho_tek_time, 1),
        [46] = one("HO indication readiness timer", f.ho_readiness_timer, 1),
        [141] = cmac_tuple,
        [143] = vendor,
    }

    specs.SBC = {
        [1] = one("Bandwidth allocation support", f.bandwidth_allocation, 1),
        [4] = one("MAC PDU capabilities", f.pdu_capabilities, 1),
        [15] = one("PKM flow control", f.pkm_flow_control, 1),
        [17] = one("Maximum security associations", f.max_sas, 1),
        [25] = security_negotiation,
        [27] = one("Extension capability", f.extension_capability, 1),
        [28] = one("HO trigger metric support", f.ho_trigger_metrics, 1),
        [147] = one("Current transmit power", f.transmit_power, 1),
    }

    specs.RNG_REQ = {
        [1] = one("Requested downlink burst profile", f.burst_profile, 1),
        [2] = one("MS MAC address", f.ss_mac, 6, says_address("MS=%s")),
        [3] = one("Ranging anomalies", f.anomalies, 1),
        [4] = one("AAS broadcast capability", f.aas_broadcast, 1),
        [5] = one("Serving BSID", f.serving_bsid, 6, says_address("serving=%s")),
        [6] = one("Ranging purpose", f.purpose, 1, function(value, item, say, range)
            for i, purpose in ipairs({
                { f.purpose_handover, "handover" }, { f.purpose_location, "location update" },
                { f.purpose_seamless, "seamless" },
            }) do
                item:add(purpose[1], range, has(value, i - 1))
                if has(value, i - 1) then say:add(purpose[2]) end
            end
        end),
        [7] = one("HO_ID", f.ho_id, 1, says("HO_ID=%d")),
        [8] = one("Power down indicator", f.power_down, 1),
        [9] = one("Paging controller ID", f.paging_controller, 6),
        [10] = one("MAC hash skip threshold", f.hash_skip, 2),
        [12] = one("Requested downlink repetition coding", f.repetition_coding, 1),
        [13] = one("CMAC_KEY_COUNT", f.cmac_key_count, 2, says("CMAC_KEY_COUNT=%d")),
        [141] = cmac_tuple,
        [148] = one("MAC version", f.mac_version, 1),
    }

    local reg_rsp_encodings = {
        name = "REG-RSP encodings",
        read = function(r, tree, say, depth)
            r:uint(tree, f.response, 8)
            read_tlvs(r, tree, specs.REG, say, depth + 1)
        end,
    }
    specs.RNG_RSP = {
        [1] = one("Timing adjust", f.timing_adjust, 4),
        [2] = one("Power level adjust", f.power_adjust, 1),
        [3] = one("Offset frequency adjust", f.frequency_adjust, 4),
        [4] = one("Ranging status", f.ranging_status, 1, says_name(names.RANGING_STATUS)),
        [5] = one("Downlink frequency override", f.downlink_frequency, 4),
        [6] = one("Uplink channel ID override", f.uplink_channel, 1),
        [7] = one("Downlink operational burst profile", f.burst_profile, 2),
        [8] = one("MS MAC address", f.ss_mac, 6, says_address("MS=%s")),
        [9] = one("Basic CID", f.basic_cid, 2, says("basic=%d")),
        [10] = one("Primary management CID", f.primary_cid, 2, says("primary=%d")),
        [17] = one("Service level prediction", f.service_level, 1),
        [20] = one("Resource retain flag", f.retain, 1),
        [21] = {
            name = "HO process optimization",
            fits = of_length(2),
            read = function(r, tree) keyhop.read_optimization(r, tree, 2) end,
        },
        [22] = one("HO_ID", f.ho_id, 1, says("HO_ID=%d")),
        [23] = one("Location update response", f.location_response, 1),
        [26] = one("Next periodic ranging", f.next_ranging, 2),
        [30] = reg_rsp_encodings,
        [31] = {
            name = "SA challenge tuple",
            read = function(r, tree, say, depth)
                say:add("SA challenge")
                read_tlvs(r, tree, { [1] = one("BS_Random", f.bs_random, 8), [2] = akid }, say, depth + 1)
            end,
        },
        [33] = one("Downlink operational burst profile for OFDMA", f.burst_profile, 2),
        [141] = cmac_tuple,
        [148] = one("MAC version", f.mac_version, 1),
        [150] = {
            name = "Ranging code attributes",
            fits = of_length(4),
            read = function(r, tree, say)
                r:uint(tree, f.ranging_symbol, 10)
                r:uint(tree, f.ranging_subchannel, 6)
                say:add("code=%d", (r:uint(tree, f.ranging_code, 8)))
                r:uint(tree, f.ranging_frame, 8)
            end,
        },
    }

    specs.PKM = {
        [6] = one("Display string", f.display_string, nil, function(_, item, _, range)
            item:append_text(" (" .. range:string() .. ")")
        end),
        [8] = one("TEK", f.tek_wrapped),
        [9] = one("Key lifetime", f.key_lifetime, 4),
        [10] = one("Key sequence number", f.key_sn, 1, function(value, _, say) say:add("AK_SN=%d", value % 16) end),
        [12] = one("SAID", f.said, 2, says("SAID=0x%04x")),
        [13] = compound("TEK parameters", tek_parameters),
        [16] = one("Reason code", f.error_code, 1, says_name(names.PKM_ERROR, "reason: %s")),
        [20] = one("Cryptographic suite", f.suite, 3),
        [23] = compound("SA descriptor", {
            [12] = one("SAID", f.said, 2, says("SAID=0x%04x")),
            [20] = one("Cryptographic suite", f.suite, 3),
            [24] = one("SA type", f.sa_type, 1),
            [31] = one("SA service type", f.sa_service, 1),
        }),
        [25] = security_negotiation,
        [28] = one("EAP payload", f.eap, nil, function(_, _, say) say.eap = true end),
        [29] = one("Nonce", f.nonce, 8),
        [30] = one("Auth result code", f.auth_result, 1),
        [32] = one("Frame number", f.frame_number, 3),
        [33] = one("MS_Random", f.ms_random, 8),
        [34] = one("BS_Random", f.bs_random, 8),
        [38] = sa_tek_update,
        [39] = one("MS MAC address", f.ss_mac, 6),
        [40] = cmac_digest,
        [45] = akid,
        [143] = vendor,
    }
end

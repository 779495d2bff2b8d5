-- keyhop.lua: shows as fields what Wireshark 4.0 leaves as octets in captures of IEEE 802.16 handovers.
--
-- Wireshark's own wimax plugin gives the handover messages and DREG as one string of octets, and so it does with most CMAC
-- tuples, with SA-TEK-Update, with vendor TLVs and with every encrypted MAC PDU. This post-dissector adds a tree "keyhop: IEEE
-- 802.16" with fields `dot16.*` to each frame that holds MAC PDUs or an ASN control message, or that has a packet comment of
-- keyhop, and writes the Info column of the first two. It changes nothing in the tree of another dissector.
--
-- This file finds the frames; the folder keyhop beside it has a file for each part. Each of those returns a function and does
-- nothing else, so it does no harm that Wireshark loads whatever lies in its plugin folder.
--
-- Whatever a frame holds, no read goes past its captured octets: a message that ends early shows the fields that are there.

local dot16 = Proto("dot16", "keyhop: IEEE 802.16")

-- What the parts share.
local keyhop = {}
for _, part in ipairs({ "names", "fields", "reader", "tlv", "message", "mobility", "mac_pdu", "asn", "verdict" }) do
    dofile(__DIR__ .. "/keyhop/" .. part .. ".lua")(keyhop)
end
dot16.fields = keyhop.f

-- Dissectors that the tags of an exported PDU name (`dot16-wire.md` 1.2).
local BURST, RANGING_CODE = "wimax_pdu_burst_handler", "wimax_cdma_code_burst_handler"
-- An octet that no header starts with: the rest of the burst is padding.
local PADDING = 0xff
local RANGING_CODE_OCTETS = 3

-- A field of another dissector; one that finds nothing where this Wireshark does not have it.
local function foreign(name)
    local found, field = pcall(Field.new, name)
    return found and field or function() end
end
local exported_pdu = foreign("exported_pdu")
local plugin_hcs = foreign("wmx.genericHcs")
local plugin_values = foreign("wmx.values")
local control_message = foreign("wimaxasncp")
local frame_comment = foreign("frame.comment")
local interface_name = foreign("frame.interface_name")

-- Where the payload of an exported PDU starts, after the tags (type 16, length 16, value) the last of which is 0, and the
-- dissector that tag 12 names. nil if the tags do not end, or nothing is behind them.
local function exported_payload(tvb)
    local at, dissector = 0, nil
    while at + 4 <= tvb:len() do
        local tag, length = tvb:range(at, 2):uint(), tvb:range(at + 2, 2):uint()
        at = at + 4
        if at + length > tvb:len() then return nil end
        if tag == 12 and length > 0 then
            dissector = tvb:range(at, length):string():gsub("\0+$", "") -- a writer may pad it
        end
        at = at + length
        if tag == 0 then return dissector and at < tvb:len() and at or nil, dissector end
    end
    return nil
end

-- Adds the PDUs of the burst that starts at octet `at`. `shown(text, inside)` gets the text for Info of each, and whether it
-- holds what Wireshark dissects further.
local function burst(tvb, at, tree, shown)
    if tvb:range(at, 1):uint() == PADDING then shown(string.format("Padding, %d octets", tvb:len() - at), false) end
    while at < tvb:len() and tvb:range(at, 1):uint() ~= PADDING do
        local length = keyhop.pdu_length(tvb, at)
        if not length then
            tree:add(keyhop.f.undecoded, tvb:range(at))
            shown(string.format("No MAC header, %d octets", tvb:len() - at), false)
            return
        end
        shown(keyhop.mac_pdu(tvb, at, length, tree))
        at = at + length
    end
end

local function ranging_code(tvb, at, tree)
    local r = keyhop.reader(tvb, at, at + RANGING_CODE_OCTETS)
    local code = r:uint(tree, keyhop.f.ranging_code, 8)
    local symbol = r:uint(tree, keyhop.f.ranging_symbol, 8)
    local subchannel = r:uint(tree, keyhop.f.ranging_subchannel, 8)
    return string.format("CDMA ranging code=%d symbol=%d subchannel=%d", code, symbol, subchannel)
end

-- The PDUs and messages that Wireshark's plugin found on another route (m2m, user link types): it says where the
-- headers are, or, without any, where the messages are.
local function found_by_plugin(tree_of, shown)
    local any = false
    for _, hcs in ipairs({ plugin_hcs() }) do
        local source, at = hcs.source, hcs.offset - (keyhop.HEADER - 1)
        local length = source and at >= 0 and keyhop.pdu_length(source, at)
        if length then
            any = true
            shown(keyhop.mac_pdu(source, at, length, tree_of(source, at, keyhop.HEADER)))
        end
    end
    for _, values in ipairs(any and {} or { plugin_values() }) do
        local source = values.source
        if source and values.len > 0 then
            local from, tree = values.offset, tree_of(source, values.offset, values.len)
            shown(keyhop.message(source, from, from + values.len, tree))
        end
    end
end

-- Puts the texts of a frame into the Info column. Data in the clear, and EAP, have a text of Wireshark's own that says what is
-- inside: it stays, behind the new one.
local function tell(pinfo, texts, inside)
    local text = table.concat(texts, "; ")
    if inside and tostring(pinfo.cols.info or "") ~= "" then
        pinfo.cols.info:prepend(text .. " | ")
    else
        pinfo.cols.protocol:set("WiMAX")
        pinfo.cols.info:set(text)
    end
end

function dot16.dissector(tvb, pinfo, tree)
    local root
    local function tree_of(source, from, length)
        root = root or tree:add(dot16, source:range(from, length))
        return root
    end
    local texts, inside = {}, false
    local function shown(text, is_inside)
        table.insert(texts, text)
        inside = inside or is_inside
    end

    local start, dissector
    if exported_pdu() then start, dissector = exported_payload(tvb) end
    if start and dissector == BURST then
        burst(tvb, start, tree_of(tvb, start, tvb:len() - start), shown)
    elseif start and dissector == RANGING_CODE and tvb:len() - start == RANGING_CODE_OCTETS then
        shown(ranging_code(tvb, start, tree_of(tvb, start, RANGING_CODE_OCTETS)), false)
    else
        found_by_plugin(tree_of, shown)
    end
    if #texts > 0 then tell(pinfo, texts, inside) end

    for _, control in ipairs({ control_message() }) do
        local source = control.source
        if source and control.len > 0 then
            local more = keyhop.asn_message(source, control.offset, tree_of(source, control.offset, control.len))
            if more then pinfo.cols.info:append(", " .. more) end
        end
    end

    local comments = {}
    for i, comment in ipairs({ frame_comment() }) do comments[i] = tostring(comment) end
    if #comments > 0 then
        local link = interface_name()
        local uplink = nil
        if pinfo.p2p_dir == 0 or pinfo.p2p_dir == 1 then uplink = pinfo.p2p_dir == 0 end
        root = root or tree:add(dot16)
        keyhop.add_verdict(root, table.concat(comments, "\n"), link and tostring(link) or "", uplink)
    end
    return root and tvb:len() or 0
end

register_postdissector(dot16)

-- keyhop.lua: shows as fields what Wireshark 4.0 leaves as octets in captures of IEEE 802.16 handovers.
--
-- Wireshark's own wimax plugin gives MOB_MSHO-REQ, MOB_BSHO-RSP and MOB_HO-IND as one string of octets, and so it does
-- with every encrypted MAC PDU. This post-dissector adds a tree "keyhop: IEEE 802.16" with fields `dot16.*` to each frame
-- that holds MAC PDUs, and a line in the Info column for those messages and PDUs. It changes nothing in the plugin's tree.
--
-- Layouts: 802.16e-2005 clauses 6.3.2.3.47 to .55 and 11 (messages, TLVs), 802.16-2009 clauses 6.3.2.1.1 (generic MAC
-- header) and 7.5.1.2 (encrypted PDU). `dot16-wire.md` 2.1, 2.4, 2.7, 3.4 and 4.1 has them in one place.
-- Numbers inside the vendor TLV are keyhop's own.
--
-- Whatever a frame holds, no read goes past its captured octets: a message that ends early shows the fields that are there.

local dot16 = Proto("dot16", "keyhop: IEEE 802.16")

-- Names of values ---------------------------------------------------------------------------------------------------

local MSHO_REQ, BSHO_RSP, HO_IND = 57, 58, 59

local MESSAGE = {
    [0] = "UCD", [1] = "DCD", [2] = "DL-MAP", [3] = "UL-MAP", [4] = "RNG-REQ", [5] = "RNG-RSP", [6] = "REG-REQ",
    [7] = "REG-RSP", [9] = "PKM-REQ", [10] = "PKM-RSP", [11] = "DSA-REQ", [12] = "DSA-RSP", [13] = "DSA-ACK",
    [14] = "DSC-REQ", [15] = "DSC-RSP", [16] = "DSC-ACK", [17] = "DSD-REQ", [18] = "DSD-RSP", [26] = "SBC-REQ",
    [27] = "SBC-RSP", [29] = "DREG-CMD", [36] = "REP-REQ", [37] = "REP-RSP", [49] = "DREG-REQ", [50] = "MOB_SLP-REQ",
    [51] = "MOB_SLP-RSP", [52] = "MOB_TRF-IND", [53] = "MOB_NBR-ADV", [54] = "MOB_SCN-REQ", [55] = "MOB_SCN-RSP",
    [56] = "MOB_BSHO-REQ", [MSHO_REQ] = "MOB_MSHO-REQ", [BSHO_RSP] = "MOB_BSHO-RSP", [HO_IND] = "MOB_HO-IND",
    [60] = "MOB_SCN-REP", [61] = "MOB_PAG-ADV", [62] = "MBS-MAP", [66] = "MOB_ASC-REP",
}
local TLV = { [28] = "Resource retain time", [141] = "CMAC tuple", [143] = "Vendor-specific information" }
local VENDOR_TLV = { [1] = "Seamless handover", [2] = "Ranging deadline", [3] = "Candidate", [144] = "Vendor ID" }
local HO_MODE = { [0] = "hard handover", [7] = "not recommended" }
for mode = 1, 6 do HO_MODE[mode] = "not a hard handover" end
local HO_IND_TYPE = { [0] = "serving BS release", [1] = "cancel", [2] = "reject", [3] = "reserved" }
local RANGING_PARAMETERS = { [0] = "no indication", [1] = "valid", [2] = "not valid", [3] = "reserved" }
local SERVICE_LEVEL = { [0] = "no service", [1] = "some flows", [2] = "all flows", [3] = "no prediction" }
local HO_SECURITY = {
    [0] = "full re-authentication and SA-TEK handshake", [1] = "SA-TEK-Update in RNG-RSP", [2] = "reserved",
    [3] = "no re-authentication, no transfer of TEKs",
}
local DIRECTION = { [0] = "downlink", [1] = "uplink" }

-- Fields ------------------------------------------------------------------------------------------------------------

local u8, u16, u32, octets = ProtoField.uint8, ProtoField.uint16, ProtoField.uint32, ProtoField.bytes
local flag, mac = ProtoField.bool, ProtoField.ether
local DEC, HEX, HEX_DEC = base.DEC, base.HEX, base.HEX_DEC

local f = {
    -- generic MAC header and the PDU around the message
    ht = flag("dot16.ht", "Signalling header (HT)"),
    ec = flag("dot16.ec", "Payload encrypted (EC)"),
    subheaders = u8("dot16.type", "Subheader types (Type)", HEX),
    esf = flag("dot16.esf", "Extended subheader group (ESF)"),
    ci = flag("dot16.ci", "CRC present (CI)"),
    eks = u8("dot16.eks", "TEK sequence number (EKS)", DEC),
    len = u16("dot16.len", "PDU length (LEN), octets", DEC),
    cid = u16("dot16.cid", "CID", HEX_DEC),
    hcs = u8("dot16.hcs", "Header check sequence (HCS)", HEX),
    extended = octets("dot16.extended_subheaders", "Extended subheader group"),
    crc = u32("dot16.crc", "CRC-32", HEX),
    -- encrypted payload
    pn = u32("dot16.pn", "Packet number as used in the nonce", HEX),
    pn_direction = u8("dot16.pn.direction", "Direction bit", DEC, DIRECTION),
    pn_counter = u32("dot16.pn.counter", "Counter", DEC),
    ciphertext = octets("dot16.ciphertext", "Ciphertext"),
    icv = octets("dot16.icv", "ICV, encrypted"),
    -- parts that several messages share
    msg_type = u8("dot16.msg.type", "Message type", DEC, MESSAGE),
    reserved = u8("dot16.reserved", "Reserved", HEX),
    undecoded = octets("dot16.undecoded", "Not decoded"),
    mode = u8("dot16.ho_mode", "Mode", DEC, HO_MODE),
    target_bsid = mac("dot16.target_bsid", "Target BSID"),
    preamble = u8("dot16.preamble", "Preamble index", DEC),
    action_time = u8("dot16.action_time", "Action time, frames", DEC),
    -- base stations a message names
    candidate_index = u8("dot16.candidate.index", "Neighbour index", DEC),
    candidate_bsid = mac("dot16.candidate.bsid", "BSID"),
    candidate_preamble = u8("dot16.candidate.preamble", "Preamble index", DEC),
    candidate_cinr = ProtoField.int8("dot16.candidate.cinr", "CINR, 0.5 dB", DEC),
    candidate_rssi = u8("dot16.candidate.rssi", "RSSI, 0.25 dB above -103.75 dBm", DEC),
    candidate_delay = u8("dot16.candidate.relative_delay", "Relative delay", DEC),
    candidate_service = u8("dot16.candidate.service_level", "Service level prediction", DEC, SERVICE_LEVEL),
    candidate_atd_included = flag("dot16.candidate.arrival_difference_included", "Arrival time difference included"),
    candidate_atd = u8("dot16.candidate.arrival_difference", "Arrival time difference", DEC),
    candidate_optimization = u8("dot16.candidate.ho_optimization", "HO process optimization", HEX),
    candidate_assisted = flag("dot16.candidate.network_assisted", "Network-assisted HO"),
    candidate_ho_id_included = flag("dot16.candidate.ho_id_included", "HO_ID included"),
    candidate_ho_id = u8("dot16.candidate.ho_id", "HO_ID", DEC),
    candidate_policy_included = flag("dot16.candidate.policy_included", "HO authorization policy included"),
    candidate_policy = u8("dot16.candidate.policy", "HO authorization policy", HEX),
    omit_sbc = flag("dot16.ho_optimization.omit_sbc_req", "Omit SBC-REQ"),
    security = u8("dot16.ho_optimization.security", "Security", DEC, HO_SECURITY),
    omit_address = flag("dot16.ho_optimization.omit_address", "Omit address acquisition"),
    omit_time = flag("dot16.ho_optimization.omit_time_of_day", "Omit time of day"),
    omit_tftp = flag("dot16.ho_optimization.omit_tftp", "Omit TFTP"),
    state_kept = flag("dot16.ho_optimization.state_kept", "Service and operational state kept"),
    omit_reg = flag("dot16.ho_optimization.omit_reg_req", "Omit REG-REQ"),
    -- MOB_MSHO-REQ
    metric = u8("dot16.report_metric", "Report metric", HEX),
    metric_cinr = flag("dot16.report_metric.cinr", "CINR"),
    metric_rssi = flag("dot16.report_metric.rssi", "RSSI"),
    metric_delay = flag("dot16.report_metric.relative_delay", "Relative delay"),
    metric_rtd = flag("dot16.report_metric.rtd", "Round trip delay of the current BS"),
    n_index = u8("dot16.n_new_bs_index", "N_New_BS_Index", DEC),
    n_full = u8("dot16.n_new_bs_full", "N_New_BS_Full", DEC),
    n_current = u8("dot16.n_current_bss", "N_current_BSs", DEC),
    change_count = u8("dot16.change_count", "Configuration change count", DEC),
    current_id = u8("dot16.current.temp_bsid", "Temporary BSID", DEC),
    current_cinr = ProtoField.int8("dot16.current.cinr", "CINR, 0.5 dB", DEC),
    current_rssi = u8("dot16.current.rssi", "RSSI, 0.25 dB above -103.75 dBm", DEC),
    current_delay = u8("dot16.current.relative_delay", "Relative delay", DEC),
    current_rtd = u8("dot16.current.rtd", "Round trip delay", DEC),
    -- MOB_BSHO-RSP
    mandatory = flag("dot16.ho_mandatory", "HO operation mode: mandatory"),
    n_recommended = u8("dot16.n_recommended", "N_Recommended", DEC),
    retain = flag("dot16.resource_retain", "Resources retained"),
    -- MOB_HO-IND
    ho_ind_type = u8("dot16.ho_ind_type", "HO_IND_type", DEC, HO_IND_TYPE),
    ranging_parameters = u8("dot16.ranging_params", "Ranging parameters", DEC, RANGING_PARAMETERS),
    -- TLVs
    tlv_type = u8("dot16.tlv.type", "Type", DEC),
    tlv_length = u32("dot16.tlv.length", "Length", DEC),
    tlv_value = octets("dot16.tlv.value", "Value"),
    cmac_ak_sn = u8("dot16.cmac.ak_sn", "AK sequence number", DEC),
    cmac_bsid = mac("dot16.cmac.bsid", "BSID"),
    cmac_pn = u32("dot16.cmac.pn", "CMAC packet number", DEC),
    cmac_value = octets("dot16.cmac.value", "CMAC value"),
    retain_time = u16("dot16.resource_retain_time", "Resource retain time, 100 ms", DEC),
    vendor_id = octets("dot16.vendor.id", "Vendor ID"),
    vendor_type = u8("dot16.vendor.tlv.type", "Type", DEC),
    vendor_seamless = flag("dot16.vendor.seamless", "Seamless handover"),
    vendor_deadline = u16("dot16.vendor.ranging_deadline", "Ranging deadline, 10 ms", DEC),
    vendor_bsid = mac("dot16.vendor.candidate.bsid", "BSID"),
    vendor_basic = u16("dot16.vendor.candidate.basic_cid", "Basic CID", HEX_DEC),
    vendor_primary = u16("dot16.vendor.candidate.primary_cid", "Primary management CID", HEX_DEC),
    vendor_flags = u8("dot16.vendor.candidate.flags", "Flags", HEX),
    vendor_flows = u8("dot16.vendor.candidate.n_flows", "Service flows", DEC),
    flow_sfid = u32("dot16.vendor.candidate.flow.sfid", "SFID", HEX),
    flow_cid = u16("dot16.vendor.candidate.flow.cid", "CID", HEX_DEC),
    flow_said = u16("dot16.vendor.candidate.flow.said", "SAID", HEX),
}
dot16.fields = f

-- Reader: takes fields of any number of bits, most significant first, and adds them to a tree ------------------------

-- `short` turns true at the first field that does not fit before `stop`; from then on nothing is read or added.
local Reader = {}
Reader.__index = Reader

-- A reader of the octets `from` to `to - 1`, as far as they were captured.
local function reader(tvb, from, to)
    return setmetatable({ tvb = tvb, bit = from * 8, stop = math.min(to, tvb:len()) * 8, short = false }, Reader)
end

local function has(value, position)
    return math.floor(value / 2 ^ position) % 2 == 1
end

-- The octet that holds the next bit, and the number of whole octets left.
function Reader:octet() return math.floor(self.bit / 8) end
function Reader:left() return self.short and 0 or math.floor((self.stop - self.bit) / 8) end

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
    text = table.concat(text, ":")
    tree:add(field, range, Address.ether(text))
    return text
end

-- Adds `count` octets; nothing is added for none. Only at an octet boundary.
function Reader:bytes(tree, field, count)
    if count > 0 then
        local range = self:take(count * 8)
        if range then tree:add(field, range) end
    end
end

-- Adds what is left as octets that have no meaning here.
function Reader:rest(tree)
    self.bit = math.ceil(self.bit / 8) * 8
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

-- TLVs --------------------------------------------------------------------------------------------------------------

local KEYHOP_VENDOR = "026b68"

-- Each reads the value of one TLV; `r` ends where the value ends. `say` collects facts for the Info column.
local read_value, read_vendor_value = {}, {}

-- Reads TLVs up to the end of `r`: type, length (one octet up to 127, else 0x80 + n and n octets), value.
local function read_tlvs(r, tree, type_field, names, readers, say)
    local function read(item)
        local kind = r:uint(item, type_field, 8)
        local length, octets_of_length = r:uint(item, f.tlv_length, 8), 0
        if length >= 0x80 then
            octets_of_length = length - 0x80
            if octets_of_length < 1 or octets_of_length > 4 then
                r.short = true
                return
            end
            length = r:uint(item, f.tlv_length, octets_of_length * 8)
        end
        if r.short then return end
        item:set_text(string.format("%s (TLV %d, %d octets)", names[kind] or "TLV", kind, length))
        local complete = length <= r:left()
        local value = reader(r.tvb, r:octet(), r:octet() + math.min(length, r:left()))
        if readers[kind] then
            readers[kind](value, item, say)
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

read_value[28] = function(r, tree, say)
    local value, item = r:uint(tree, f.retain_time, 16)
    if item then item:append_text(string.format(" (%.1f s)", value / 10)) end
end

read_value[141] = function(r, tree, say)
    local long = r:left() > 13
    r:uint(tree, f.reserved, 4)
    r:uint(tree, f.cmac_ak_sn, 4)
    if long then r:bsid(tree, f.cmac_bsid) end
    local pn, item = r:uint(tree, f.cmac_pn, 32)
    if item then say.cmac_pn = pn end
    r:bytes(tree, f.cmac_value, 8)
end

-- The numbers are keyhop's own, so they mean something only behind its vendor ID.
read_value[143] = function(r, tree, say)
    local from = r:octet()
    local ours = r:left() >= 5 and r.tvb:range(from, 2):uint() == 0x9003
        and tostring(r.tvb:range(from + 2, 3):bytes()):lower() == KEYHOP_VENDOR
    local id_only = { [144] = read_vendor_value[144] }
    read_tlvs(r, tree, f.vendor_type, ours and VENDOR_TLV or { [144] = VENDOR_TLV[144] }, ours and read_vendor_value or id_only, say)
end

read_vendor_value[144] = function(r, tree) r:bytes(tree, f.vendor_id, math.min(3, r:left())) end

read_vendor_value[1] = function(r, tree, say)
    local value, item = r:uint(tree, f.vendor_seamless, 8)
    if item and value ~= 0 then say.seamless = true end
end

read_vendor_value[2] = function(r, tree, say)
    local value, item = r:uint(tree, f.vendor_deadline, 16)
    if item then
        item:append_text(string.format(" (%d ms)", value * 10))
        say.deadline = value * 10
    end
end

read_vendor_value[3] = function(r, tree)
    r:bsid(tree, f.vendor_bsid)
    r:uint(tree, f.vendor_basic, 16)
    r:uint(tree, f.vendor_primary, 16)
    r:uint(tree, f.vendor_flags, 8)
    r:parts(tree, "Service flow", r:uint(tree, f.vendor_flows, 8), function(flow)
        r:uint(flow, f.flow_sfid, 32)
        r:uint(flow, f.flow_cid, 16)
        r:uint(flow, f.flow_said, 16)
    end)
end

-- Messages ----------------------------------------------------------------------------------------------------------

local function read_cinr(r, tree, field)
    local range, offset = r:take(8)
    if not range then return end
    local value = range:bitfield(offset, 8)
    if value >= 0x80 then value = value - 0x100 end
    tree:add(field, range, value):append_text(string.format(" (%.1f dB)", value / 2))
end

local function read_rssi(r, tree, field)
    local value, item = r:uint(tree, field, 8)
    if item then item:append_text(string.format(" (%.2f dBm)", value / 4 - 103.75)) end
end

local read_message = {}

-- MOB_MSHO-REQ: the MS asks for a handover and reports what it hears.
read_message[MSHO_REQ] = function(r, tree, say)
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
    r:parts(tree, "BS", r:uint(tree, f.n_full, 8), function(bs)
        table.insert(say.targets, r:bsid(bs, f.candidate_bsid))
        read_heard(bs)
    end)
    local n_current = r:uint(tree, f.n_current, 3)
    r:uint(tree, f.reserved, 1)
    r:parts(tree, "Current BS", n_current, function(bs)
        r:uint(bs, f.current_id, 4)
        if has(metric, 0) then read_cinr(r, bs, f.current_cinr) end
        if has(metric, 1) then read_rssi(r, bs, f.current_rssi) end
        if has(metric, 2) then r:uint(bs, f.current_delay, 8) end
        if has(metric, 3) then r:uint(bs, f.current_rtd, 8) end
    end)
    return true
end

local function read_optimization(r, tree)
    local first = r:octet()
    local value, item = r:uint(tree, f.candidate_optimization, 8)
    if not item then return end
    local range = r.tvb:range(first, math.ceil(r.bit / 8) - first)
    item:add(f.omit_sbc, range, has(value, 0))
    item:add(f.security, range, math.floor(value / 2) % 4)
    for i, field in ipairs({ f.omit_address, f.omit_time, f.omit_tftp, f.state_kept, f.omit_reg }) do
        item:add(field, range, has(value, i + 2))
    end
end

-- The targets of a MOB_BSHO-RSP in mode 0.
local function read_recommended(r, tree, say)
    r:flag(tree, f.mandatory)
    local n = r:uint(tree, f.n_recommended, 8)
    r:flag(tree, f.retain)
    r:uint(tree, f.reserved, 7)
    r:parts(tree, "Recommended BS", n, function(bs)
        table.insert(say.targets, r:bsid(bs, f.candidate_bsid))
        r:uint(bs, f.candidate_preamble, 8)
        r:uint(bs, f.candidate_service, 8)
        read_optimization(r, bs)
        r:flag(bs, f.candidate_assisted)
        if r:flag(bs, f.candidate_ho_id_included) then r:uint(bs, f.candidate_ho_id, 8) end
        local policy = r:flag(bs, f.candidate_policy_included)
        r:uint(bs, f.reserved, 4)
        if policy then r:uint(bs, f.candidate_policy, 8) end
    end)
end

-- MOB_BSHO-RSP: the serving BS names the targets and the action time (mode 0), or recommends none (mode 7). Other modes have
-- no known layout.
read_message[BSHO_RSP] = function(r, tree, say)
    local mode = r:uint(tree, f.mode, 3)
    r:uint(tree, f.reserved, 5)
    if mode == 0 then
        read_recommended(r, tree, say)
    elseif mode ~= 7 then
        return false
    end
    local value, item = r:uint(tree, f.action_time, 8)
    if item then say.action_time = value end
    return true
end

-- MOB_HO-IND: the MS leaves, stays, or refuses. Only mode 0 has a known layout.
read_message[HO_IND] = function(r, tree, say)
    r:uint(tree, f.reserved, 6)
    if r:uint(tree, f.mode, 2) ~= 0 then return false end
    local kind, item = r:uint(tree, f.ho_ind_type, 2)
    r:uint(tree, f.ranging_parameters, 2)
    r:uint(tree, f.reserved, 4)
    if item then
        say.indication = HO_IND_TYPE[kind]
        if kind == 0 then table.insert(say.targets, r:bsid(tree, f.target_bsid)) end
    end
    r:uint(tree, f.preamble, 8)
    return true
end

-- Adds the management message in octets `from` to `to - 1`; returns its text for Info, nil if Wireshark shows it itself.
-- `cid` is nil where it is not known.
local function message(tvb, from, to, tree, cid)
    local r = reader(tvb, from, to)
    local kind, item = r:uint(tree, f.msg_type, 8)
    if not item or not read_message[kind] then return nil end
    local say = { targets = {} }
    if read_message[kind](r, tree, say) then
        r.bit = math.ceil(r.bit / 8) * 8
        read_tlvs(r, tree, f.tlv_type, TLV, read_value, say)
    else
        r:rest(tree)
    end
    local text = { MESSAGE[kind] }
    local function add(...) table.insert(text, string.format(...)) end
    if cid then add("CID=%d", cid) end
    if say.indication then add("%s", say.indication) end
    if #say.targets > 0 then add("target=%s", table.concat(say.targets, ",")) end
    if say.action_time then add("action_time=%d", say.action_time) end
    if say.seamless then add("seamless") end
    if say.deadline then add("ranging_deadline=%dms", say.deadline) end
    if say.cmac_pn then add("CMAC_PN=%d", say.cmac_pn) end
    if r.short or to > tvb:len() then add("[cut short]") end
    return table.concat(text, " ")
end

-- Encrypted payload -------------------------------------------------------------------------------------------------

-- Adds PN, ciphertext and ICV of the encrypted payload in octets `from` to `to - 1`, as far as captured; returns the text for Info.
local function encrypted(tvb, from, to, tree, cid, eks)
    local r = reader(tvb, from, to)
    local text = string.format("Encrypted PDU CID=0x%04x EKS=%d", cid, eks)
    local range = r:take(32)
    if not range then return text .. " [cut short]" end
    local pn = range:le_uint()
    local uplink, counter = math.floor(pn / 2 ^ 31), pn % 2 ^ 31
    local item = tree:add_le(f.pn, range)
    item:add(f.pn_direction, range(3, 1), uplink)
    item:add(f.pn_counter, range, counter)
    text = string.format("%s %s PN=%d", text, DIRECTION[uplink], counter)
    -- without the end of the payload nothing is known to be the ICV
    local whole = to <= tvb:len() and r:left() >= 8
    local length = whole and r:left() - 8 or r:left()
    r:bytes(tree, f.ciphertext, length)
    if whole then r:bytes(tree, f.icv, 8) end
    return string.format("%s%s", text, whole and string.format(" length=%d", length) or " [cut short]")
end

-- MAC PDUs ----------------------------------------------------------------------------------------------------------

local HEADER = 6
-- An octet that no header starts with: the rest of the burst is padding.
local PADDING = 0xff

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
local function pdu_length(tvb, at)
    if at + HEADER > tvb:len() or not hcs_fits(tvb, at) then return nil end
    if tvb:range(at, 1):bitfield(0, 1) == 1 then return HEADER end -- a signalling header stands alone
    local length = tvb:range(at + 1, 2):bitfield(5, 11)
    return length >= HEADER and length or nil
end

-- Adds the MAC PDU of `length` octets at octet `at`. Returns its text for Info, nil if Wireshark shows it itself.
local function mac_pdu(tvb, at, length, tree)
    if tvb:range(at, 1):bitfield(0, 1) == 1 then
        tree:add(tvb:range(at, HEADER), "Signalling header"):add(f.ht, tvb:range(at, 1), true)
        return nil
    end
    local after = at + length
    local item = tree:add(tvb:range(at, math.min(after, tvb:len()) - at), "MAC PDU")
    local header = item:add(tvb:range(at, HEADER), "Generic MAC header")
    local r = reader(tvb, at, after)
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
    local text
    if ec then
        text = encrypted(tvb, from, to, item, cid, eks)
    elseif subheaders == 0 and carries_management(cid) then
        text = message(tvb, from, to, item, cid)
    end
    if ci and to >= from and after <= tvb:len() then item:add(f.crc, tvb:range(to, 4)) end
    if text then item:set_text(text) end
    return text
end

-- Frames ------------------------------------------------------------------------------------------------------------

local BURST_DISSECTOR = "wimax_pdu_burst_handler"

-- A field of another dissector; one that finds nothing where this Wireshark does not have it.
local function foreign(name)
    local found, field = pcall(Field.new, name)
    return found and field or function() end
end
local exported_pdu = foreign("exported_pdu")
local plugin_hcs = foreign("wmx.genericHcs")
local plugin_values = foreign("wmx.values")

-- Where the burst starts in an exported PDU: after the tags (type 16, length 16, value), the last of which is 0, if one of
-- them, 12, names the burst's dissector. nil if there is no burst.
local function burst_start(tvb)
    local at, named = 0, false
    while at + 4 <= tvb:len() do
        local tag, length = tvb:range(at, 2):uint(), tvb:range(at + 2, 2):uint()
        at = at + 4
        if at + length > tvb:len() then return nil end
        if tag == 12 and length > 0 then
            local name = tvb:range(at, length):string():gsub("\0+$", "") -- a writer may pad it
            named = name == BURST_DISSECTOR
        end
        at = at + length
        if tag == 0 then return named and at < tvb:len() and at or nil end
    end
    return nil
end

function dot16.dissector(tvb, pinfo, tree)
    local root
    local texts, others = {}, 0
    local function shown(text)
        if text then table.insert(texts, text) else others = others + 1 end
    end

    local start = exported_pdu() and burst_start(tvb)
    if start then
        local at = start
        while at < tvb:len() and tvb:range(at, 1):uint() ~= PADDING do
            local length = pdu_length(tvb, at)
            if not length then
                others = others + 1
                break
            end
            root = root or tree:add(dot16, tvb:range(start))
            shown(mac_pdu(tvb, at, length, root))
            at = at + length
        end
    else
        -- other routes: the plugin says where the headers are, or, without any, where the messages are
        for _, hcs in ipairs({ plugin_hcs() }) do
            local source, at = hcs.source, hcs.offset - (HEADER - 1)
            local length = source and at >= 0 and pdu_length(source, at)
            if length then
                root = root or tree:add(dot16, source:range(at, HEADER))
                shown(mac_pdu(source, at, length, root))
            end
        end
        for _, values in ipairs(root and {} or { plugin_values() }) do
            local source = values.source
            if source and values.len > 0 then
                root = root or tree:add(dot16, source:range(values.offset, values.len))
                shown(message(source, values.offset, values.offset + values.len, root))
            end
        end
    end
    if not root then return 0 end
    if #texts > 0 then
        local text = table.concat(texts, "; ")
        if others == 0 then
            pinfo.cols.protocol:set("WiMAX")
            pinfo.cols.info:set(text)
        else
            pinfo.cols.info:append(" | " .. text)
        end
    end
    return tvb:len()
end

register_postdissector(dot16)

-- Names of messages and of values (`dot16-wire.md` 3, 4.5 and 5.2).

return function(keyhop)
    local names = {}
    keyhop.names = names

    -- Types of MAC management messages.
    names.MESSAGE = {
        [0] = "UCD", [1] = "DCD", [2] = "DL-MAP", [3] = "UL-MAP", [4] = "RNG-REQ", [5] = "RNG-RSP", [6] = "REG-REQ",
        [7] = "REG-RSP", [9] = "PKM-REQ", [10] = "PKM-RSP", [11] = "DSA-REQ", [12] = "DSA-RSP", [13] = "DSA-ACK",
        [14] = "DSC-REQ", [15] = "DSC-RSP", [16] = "DSC-ACK", [17] = "DSD-REQ", [18] = "DSD-RSP", [25] = "RES-CMD",
        [26] = "SBC-REQ", [27] = "SBC-RSP", [28] = "CLK-CMP", [29] = "DREG-CMD", [30] = "DSX-RVD",
        [33] = "ARQ-Feedback", [34] = "ARQ-Discard", [35] = "ARQ-Reset", [36] = "REP-REQ", [37] = "REP-RSP",
        [38] = "FPC", [44] = "AAS-FBCK-REQ", [45] = "AAS-FBCK-RSP", [46] = "AAS-BEAM_SELECT", [49] = "DREG-REQ",
        [50] = "MOB_SLP-REQ", [51] = "MOB_SLP-RSP", [52] = "MOB_TRF-IND", [53] = "MOB_NBR-ADV", [54] = "MOB_SCN-REQ",
        [55] = "MOB_SCN-RSP", [56] = "MOB_BSHO-REQ", [57] = "MOB_MSHO-REQ", [58] = "MOB_BSHO-RSP", [59] = "MOB_HO-IND",
        [60] = "MOB_SCN-REP", [61] = "MOB_PAG-ADV", [62] = "MBS-MAP", [63] = "PMC-REQ", [64] = "PMC-RSP",
        [65] = "PRC-LT-CTRL", [66] = "MOB_ASC-REP",
    }
    names.PKM_CODE = {
        [17] = "EAP-Start", [18] = "EAP-Transfer", [20] = "SA-TEK-Challenge", [21] = "SA-TEK-Request",
        [22] = "SA-TEK-Response", [23] = "Key-Request", [24] = "Key-Reply", [25] = "Key-Reject", [27] = "TEK-Invalid",
        [29] = "EAP-Complete",
    }
    names.PKM_ERROR = {
        [0] = "no reason given", [2] = "SAID not authorized", [4] = "key sequence number not in use",
        [5] = "message authentication failure", [6] = "permanent authorization failure",
    }
    names.HO_MODE = { [0] = "hard handover", [7] = "not recommended" }
    for mode = 1, 6 do names.HO_MODE[mode] = "not a hard handover" end
    names.HO_IND_TYPE = { [0] = "serving BS release", [1] = "cancel", [2] = "reject", [3] = "reserved" }
    names.RANGING_PARAMETERS = { [0] = "no indication", [1] = "valid", [2] = "not valid", [3] = "reserved" }
    names.RANGING_STATUS = { [1] = "continue", [2] = "abort", [3] = "success", [4] = "re-range" }
    names.SERVICE_LEVEL = { [0] = "no service", [1] = "some flows", [2] = "all flows", [3] = "no prediction" }
    names.HO_SECURITY = {
        [0] = "full re-authentication and SA-TEK handshake", [1] = "SA-TEK-Update in RNG-RSP", [2] = "reserved",
        [3] = "no re-authentication, no transfer of TEKs",
    }
    names.DREG_CMD_ACTION = {
        [0] = "leave the channel", [1] = "listen only", [2] = "listen, basic and primary connection only",
        [3] = "resume", [4] = "end normal operation", [5] = "idle mode",
    }
    names.DREG_REQ_ACTION = { [0] = "deregister", [1] = "idle mode", [2] = "answer to an unsolicited DREG-CMD" }
    names.FRAGMENT = { [0] = "unfragmented", [1] = "last", [2] = "first", [3] = "middle" }
    names.DIRECTION = { [0] = "downlink", [1] = "uplink" }
    names.SA_TYPE = { [0] = "primary", [1] = "static", [2] = "dynamic" }
    names.SA_SERVICE = { [0] = "unicast" }
    names.SA_TEK_UPDATE = { [1] = "TEK of an SA", [2] = "group TEK" }
    names.RESPONSE = { [0] = "OK", [1] = "failure" }

    -- Octets 2 and 3 of an ASN control message: function type, then operation (3 bits) and message number (5 bits).
    names.ASN_MESSAGE = {
        [0x0221] = "HO_Req", [0x0242] = "HO_Rsp", [0x0263] = "HO_Ack", [0x0224] = "HO_Cnf", [0x0225] = "HO_Complete",
        [0x0321] = "Path_Dereg_Req", [0x0342] = "Path_Dereg_Rsp", [0x0363] = "Path_Dereg_Ack",
        [0x0324] = "Path_Modification_Req", [0x0345] = "Path_Modification_Rsp", [0x0366] = "Path_Modification_Ack",
        [0x0327] = "Path_Prereg_Req", [0x0348] = "Path_Prereg_Rsp", [0x0369] = "Path_Prereg_Ack",
        [0x032a] = "Path_Reg_Req", [0x034b] = "Path_Reg_Rsp", [0x036c] = "Path_Reg_Ack",
        [0x0421] = "Context_Req", [0x0442] = "Context_Rpt", [0x0463] = "Context_Ack",
        [0x0424] = "CMAC_Key_Count_Update", [0x0465] = "CMAC_Key_Count_Update_ACK",
        [0x0821] = "AR_EAP_Start", [0x0822] = "AR_EAP_Transfer",
        [0x0921] = "MS_PreAttachment_Req", [0x0942] = "MS_PreAttachment_Rsp", [0x0963] = "MS_PreAttachment_Ack",
        [0x0924] = "MS_Attachment_Req", [0x0945] = "MS_Attachment_Rsp", [0x0966] = "MS_Attachment_Ack",
        [0x0927] = "Key_Change_Directive", [0x0948] = "Key_Change_Cnf", [0x0969] = "Key_Change_Ack",
    }
end

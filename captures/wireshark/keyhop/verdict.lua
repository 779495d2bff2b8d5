-- What became of a frame: from the packet comment that keyhop writes on each.
--
--     ["deliberate: "] what [LF "lost"] ["; still under way when the run ended"]
--     *("; " receiver [" (a duplicate made by the link)"] [" (a bit error on the link)" / " (modified on the way)"] ": " verdict)
--
-- The receiver is one of the two ends that the name of the interface has, such as air:ms1-bs2; on the air the direction says
-- which. An interface adv:... is one on which the adversary sends.

return function(keyhop)
    local f = keyhop.f

    local DELIBERATE, LOST, UNDER_WAY = "deliberate: ", "\nlost", "; still under way when the run ended"
    local DUPLICATE = " (a duplicate made by the link)"
    local CHANGES = { [" (a bit error on the link)"] = " (bit error)", [" (modified on the way)"] = " (modified)" }
    -- How a verdict begins by which the receiver dropped the frame, and one that is put off until the keys are there.
    local REJECTING, DEFERRING = { "dropped", "refused", "ignored", "no context:" }, "no context here"
    -- What `dot16.verdict` leaves out of the receiver's words, since it says the same.
    local SAID_ALREADY = {
        accepted = { "accepted: " },
        rejected = { "dropped: ", "refused: ", "ignored: ", "no context: " },
        deferred = {},
    }

    local function begins(text, with, at) return text:sub(at or 1, (at or 1) + #with - 1) == with end
    local function ends(text, with) return #text >= #with and text:sub(-#with) == with end

    -- Where the next verdict of `receiver` begins, from `at` on; then what it says of the arrival, and where its words begin.
    local function next_verdict(comment, receiver, at)
        while true do
            local first, last = comment:find("; " .. receiver, at, true)
            if not first then return nil end
            local place, remark = last + 1, ""
            if begins(comment, DUPLICATE, place) then
                place, remark = place + #DUPLICATE, " (duplicate)"
            end
            for change, word in pairs(CHANGES) do
                if begins(comment, change, place) then
                    place, remark = place + #change, remark .. word
                    break
                end
            end
            if begins(comment, ": ", place) then return first, remark, place + 2 end
            at = first + 1
        end
    end

    -- The two ends of a link named LAYER:ONE-OTHER; a name may have hyphens of its own, so all ways to take it apart. `uplink`
    -- is nil off the air; there the mobile, which sends the uplink, comes first.
    local function receivers(link, uplink)
        local both, found = link:match("^%a%w*:(.+)$"), {}
        local hyphen = both and both:find("-", 1, true)
        while hyphen do
            if uplink ~= true then table.insert(found, both:sub(1, hyphen - 1)) end
            if uplink ~= false then table.insert(found, both:sub(hyphen + 1)) end
            hyphen = both:find("-", hyphen + 1, true)
        end
        return found
    end

    local function rejects(words)
        for _, word in ipairs(REJECTING) do
            if begins(words, word) then return true end
        end
        return false
    end

    -- The words of one verdict as the field has them, and whether the frame was taken.
    local function judged(words, remark)
        local word = begins(words, DEFERRING) and "deferred" or rejects(words) and "rejected" or "accepted"
        for _, said in ipairs(SAID_ALREADY[word]) do
            if begins(words, said) then
                words = words:sub(#said + 1)
                break
            end
        end
        return word .. remark .. ": " .. words, word ~= "rejected"
    end

    -- Adds what `comment` says of a frame on `link`.
    function keyhop.add_verdict(tree, comment, link, uplink)
        if begins(link, "adv:") then tree:add(f.adversary, true):set_generated() end
        if begins(comment, DELIBERATE) then
            tree:add(f.deliberate, true):set_generated()
            comment = comment:sub(#DELIBERATE + 1)
        end
        local first, receiver
        for _, name in ipairs(receivers(link, uplink)) do
            local at = next_verdict(comment, name, 1)
            if at and (not first or at < first) then first, receiver = at, name end
        end
        local head = first and comment:sub(1, first - 1) or comment
        local accepted = nil
        if ends(head, UNDER_WAY) then
            tree:add(f.verdict, "under way"):set_generated()
            head = head:sub(1, #head - #UNDER_WAY)
        end
        if ends(head, LOST) then
            tree:add(f.lost, true):set_generated()
            tree:add(f.verdict, "lost"):set_generated()
            accepted = false
        end
        local at, remark, words = next_verdict(comment, receiver or "", first or #comment + 1)
        while receiver and at do
            local after, next_remark, next_words = next_verdict(comment, receiver, words)
            local text, taken = judged(comment:sub(words, (after or #comment + 1) - 1), remark)
            tree:add(f.verdict, text):set_generated()
            accepted = accepted or taken
            at, remark, words = after, next_remark, next_words
        end
        if accepted ~= nil then tree:add(f.accepted, accepted):set_generated() end
    end
end

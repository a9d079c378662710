// The causal past of an event: what happened before it on the same node, and before the sending of what that node had
// received (L. Lamport, 1978).

/**
 * Returns the messages that were received in the past of the event at position `at`, with the message of the event itself,
 * and the last event of each column in the past.
 */
function causalPast({ events, messages }, at) {
  const reached = new Map(), sends = new Set([at]), found = new Set([messages[events[at].message]]);
  for (let k = at; k >= 0; k--) {
    const event = events[k], message = messages[event.message];
    // A copy that was dropped has no effect on its destination.
    if (event.isDrop && k !== at) continue;
    const column = event.isSend ? message.src : message.dest;
    if (!reached.has(column) && !sends.has(k)) continue;
    if (!reached.has(column)) reached.set(column, event.seq);
    if (!event.isSend) {
      found.add(message);
      sends.add(message.sent);
    }
  }
  return { messages: found, reached };
}

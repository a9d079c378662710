// Starts the page: links from the evidence into diagram and timeline, and navigation.

function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(code);
      }
    });
  }
}

/** Unfolds everything for printing, and restores it afterwards. */
function unfoldOnPaper() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
}

/** Highlights the visible section in the navigation. */
function navigation() {
  const links = new Map([...document.querySelectorAll("nav.main a[href^='#']")].map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const [id, link] of links) id === entry.target.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const id of links.keys()) if ($(`#${id}`)) observer.observe($(`#${id}`));
}

function start() {
  theme();
  copyButtons();
  causeKeys();
  navigation();
  unfoldOnPaper();
  const source = $("#data");
  if (!source) return void (globalThis.report = {});
  const data = JSON.parse(source.textContent);
  const messages = $("#messages") && data.messages && new Messages($("#messages"), data);
  const showMessages = (operation) => {
    if (!messages || !operation) return false;
    messages.showOperation(operation);
    $("#messages").scrollIntoView();
    messages.strip.root.focus({ preventScroll: true });
    return true;
  };
  const timeline = $("#timeline") && data.operations && new Timeline($("#timeline"), data, showMessages);
  const showBar = (position) => {
    const operation = timeline?.byPosition.get(position);
    if (!operation) return;
    timeline.select(operation, { centre: true });
    $("#timeline").scrollIntoView();
    timeline.strip.root.focus({ preventScroll: true });
  };
  // `#message-112` links to the message with this id, with which the journal names it.
  const showMessage = (id) => {
    const message = messages?.messages.find((message) => message.id === id);
    messages?.[message ? "select" : "absent"](message ?? id, undefined, { centre: true });
    $("#messages")?.scrollIntoView();
    messages?.strip.root.focus({ preventScroll: true });
  };
  // `#messages-7` and `#timeline-7` link to the operation at position 7 of the history.
  const follow = () => {
    const [, id] = location.hash.match(/^#message-(\d+)$/) ?? [];
    if (id) return showMessage(Number(id));
    const [, view, position] = location.hash.match(/^#(messages|timeline)-(\d+)$/) ?? [];
    if (view === "messages" && showMessages(timeline?.find(Number(position)))) return;
    if (view) showBar(Number(position));
  };
  addEventListener("hashchange", follow);
  // A second click on the same link does not change the address.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#message-'], a[href^='#messages-'], a[href^='#timeline-']");
    if (link && link.hash === location.hash) follow();
  });
  follow();
  globalThis.report = { messages, timeline };
}

// The browser paints verdict and evidence first.
requestAnimationFrame(() => setTimeout(start));

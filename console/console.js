(() => {
  const typing = () => /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
  addEventListener("keydown", (e) => {
    if (typing() || e.ctrlKey || e.metaKey || e.altKey) return;
    const target = document.getElementById({ "/": "partout", n: "nouvelle" }[e.key] ?? "");
    if (!target) return;
    e.preventDefault();
    if (target.tagName === "A") location.href = target.href;
    else target.focus();
  });
  for (const text of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) break;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: text.dataset.copy });
    button.setAttribute("aria-label", text.dataset.copy + " " + text.textContent);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = text.dataset.copied;
      setTimeout(() => { button.textContent = text.dataset.copy; }, 2000);
    });
    text.after(" ", button);
  }
  const live = document.getElementById("vivant");
  if (live) {
    const again = async () => {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("vivant");
      if (part && !live.contains(document.activeElement)) live.replaceChildren(...part.children);
    };
    const events = new EventSource(live.dataset.events);
    events.addEventListener("changed", () => again().catch(() => {}));
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) setInterval(() => again().catch(() => {}), 10000);
    });
  }
  const form = document.getElementById("emission");
  if (form) {
    let last = 0;
    form.addEventListener("change", async () => {
      const mine = ++last;
      const data = new URLSearchParams(new FormData(form));
      data.set("action", "verifier");
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== last) return;
      for (const place of document.querySelectorAll("[data-check]")) {
        const fresh = page.getElementById(place.id);
        if (fresh) place.replaceChildren(...fresh.childNodes);
      }
    });
  }
})();


(() => {
  const live = document.getElementById("live");
  if (live && window.EventSource) {
    new EventSource("/events").addEventListener("status", (e) => {
      const event = JSON.parse(e.data);
      const again = document.createElement("a");
      again.href = location.href;
      again.textContent = live.dataset.again;
      live.replaceChildren(Object.assign(document.createElement("strong"), { textContent: event.verdict }),
        " ", event[document.documentElement.lang], " ", again);
      document.getElementById("verdict").classList.add("past");
      document.getElementById("as-of").hidden = false;
    });
  }
  const clock = document.getElementById("clock");
  if (clock) {
    const seconds = Math.round((Date.now() - Number(clock.dataset.server)) / 1000);
    clock.textContent = Math.abs(seconds) < 60 ? clock.dataset.same : clock.dataset[seconds > 0 ? "ahead" : "behind"].replace("%", Math.abs(seconds));
    clock.hidden = false;
  }
})();

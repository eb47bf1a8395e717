(() => {
  const live = document.getElementById("live");
  const typing = () => [...document.querySelectorAll("input:not([type=hidden]), textarea")].some((f) => f.value && f.value !== f.defaultValue);
  const again = () => {
    if (!typing()) return location.replace(location.href);
    const link = Object.assign(document.createElement("a"), { href: location.href, textContent: live.dataset.again });
    live.replaceChildren(link);
  };
  if (live && live.dataset.events && window.EventSource) {
    new EventSource(live.dataset.events).addEventListener("changed", again);
  }
  for (const left of document.querySelectorAll("[data-left]")) {
    const end = Date.now() + 1000 * Number(left.dataset.left);
    const timer = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      left.textContent = String(seconds);
      if (seconds === 0) {
        clearInterval(timer);
        again();
      }
    }, 1000);
  }
  const camera = document.getElementById("camera");
  if (camera && "BarcodeDetector" in window && navigator.mediaDevices) {
    const content = document.getElementById("contenu-qr");
    const video = camera.querySelector("video");
    camera.hidden = false;
    camera.querySelector("button").addEventListener("click", async () => {
      try {
        const detector = new BarcodeDetector({ formats: ["qr_code"] });
        video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        video.hidden = false;
        await video.play();
        const timer = setInterval(async () => {
          const [found] = await detector.detect(video).catch(() => []);
          if (!found) return;
          clearInterval(timer);
          for (const track of video.srcObject.getTracks()) track.stop();
          content.value = found.rawValue;
          content.form.requestSubmit();
        }, 250);
      } catch {
        camera.querySelector("p").hidden = false;
      }
    });
  }
})();

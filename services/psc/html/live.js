(() => {
  const form = document.getElementById("retour");
  if (form) { form.submit(); return; }
  const left = document.getElementById("left");
  if (!left) return;
  const end = Date.now() + 1000 * left.dataset.left;
  setInterval(() => { left.textContent = Math.max(0, Math.round((end - Date.now()) / 1000)); }, 250);
  const ask = async () => {
    try {
      const r = await fetch("/auth/attente.json" + location.search);
      if (r.ok && !(await r.json()).wait) { location.reload(); return; }
    } catch { /* the page reloads itself all the same */ }
    setTimeout(ask, 500);
  };
  ask();
})();

"use strict";
// Marks of charts are described for readers who do not see them; whoever points at one is told, too.
(() => {
  const told = document.getElementById("told");
  const show = (event) => {
    const mark = event.target.closest('figure [role="graphics-symbol"][aria-label]');
    const isValue = mark && !["axis", "legend"].includes(mark.getAttribute("aria-roledescription"));
    told.hidden = !isValue;
    if (!isValue) return;
    told.textContent = mark.getAttribute("aria-label").split("; ").join("\n");
    const room = document.documentElement.clientWidth - told.offsetWidth - 8;
    told.style.left = `${Math.max(8, Math.min(event.clientX + 12, room))}px`;
    told.style.top = `${Math.max(8, event.clientY - told.offsetHeight - 12)}px`;
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("scroll", () => { told.hidden = true; }, { passive: true });
})();

"use strict";

// Brings the parts of a page up to date that are marked data-live, until none is. What the visitor is busy with is let be.
const EVERY = 1000;

function isBusy(part) {
  const selection = document.getSelection();
  return part.contains(document.activeElement) || (!selection.isCollapsed && part.contains(selection.anchorNode));
}

async function look() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
      location.replace(answer.url);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const now = page.getElementById(part.id);
      if (!now) {
        location.reload();
        return;
      }
      if (isBusy(part)) continue;
      if (part.innerHTML !== now.innerHTML) part.replaceChildren(...document.importNode(now, true).childNodes);
      if (!now.hasAttribute("data-live")) part.removeAttribute("data-live");
    }
  } catch {
    // The server is busy, or gone: the page stays as it is, and looks again.
  }
  setTimeout(look, document.hidden ? 5 * EVERY : EVERY);
}

setTimeout(look, EVERY);

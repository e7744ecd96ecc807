// Keeps a page up to date: takes pieces that the server made, and puts them where the page has them already.
"use strict";
(() => {
  const MOST_LINES = 200;
  const keepOpen = { beforeAttributeUpdated: (name) => name !== "open" }; // what a reader has opened stays open

  function piece(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  function morph(id, fresh) {
    const old = document.getElementById(id);
    if (old && fresh) Idiomorph.morph(old, fresh, { morphStyle: "outerHTML", callbacks: keepOpen });
  }

  async function again(ids) {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ids) morph(id, page.getElementById(id));
  }

  // Pages that are looked at again and again: an element with an id, and the seconds between two looks.
  for (const one of document.querySelectorAll("[data-refresh][id]")) {
    const seconds = Number(one.dataset.refresh);
    if (seconds > 0) {
      setInterval(() => { if (!document.hidden) again([one.id]).catch(() => {}); }, 1000 * seconds);
    }
  }

  const live = document.getElementById("live");
  if (!live) return;
  let cursor = live.dataset.cursor;
  let source = null;
  let waiting = 0;

  function tell(text) {
    live.textContent = text;
  }

  function clock(event) {
    const news = JSON.parse(event.data);
    morph("now", piece(news.now));
    morph("best", piece(news.best));
    return news;
  }

  function step(event) {
    if (event.lastEventId === cursor) return;
    cursor = event.lastEventId;
    const news = clock(event);
    const lines = document.getElementById("lines");
    if (news.leftOut) {
      const more = document.createElement("li");
      more.className = "note";
      more.append(document.createElement("time"), document.createElement("span"));
      more.lastChild.textContent = `and ${news.leftOut.toLocaleString("en")} more before these`;
      news.lines.unshift(more.outerHTML);
    }
    lines.prepend(...news.lines.map(piece).reverse());
    while (lines.childElementCount > MOST_LINES) lines.lastElementChild.remove();
    const table = document.getElementById("agents");
    news.agents.forEach(([name, state], at) => {
      const row = piece("<table><tbody>" + news.rows[at] + "</tbody></table>").querySelector("tr");
      const old = document.getElementById(row.id);
      if (state === "gone") old?.remove();
      else if (old) Idiomorph.morph(old, row, { morphStyle: "outerHTML" });
      else table.append(row);
    });
    document.dispatchEvent(new CustomEvent("creator:step", { detail: news }));
  }

  function follow() {
    clearTimeout(waiting);
    if (source || document.hidden) return;
    source = new EventSource(`${live.dataset.feed}?after=${encodeURIComponent(cursor)}`);
    source.addEventListener("open", () => tell(""));
    source.addEventListener("step", step);
    source.addEventListener("clock", clock);
    source.addEventListener("ended", () => {
      leave();
      document.removeEventListener("visibilitychange", turn);
      location.reload(); // the page of a run that has ended is another one
    });
    source.addEventListener("error", () => {
      tell("The page has lost its server, and tries to find it again. What you see may be old.");
      if (source && source.readyState === EventSource.CLOSED) {
        leave();
        waiting = setTimeout(follow, 3000);
      }
    });
  }

  function leave() {
    source?.close();
    source = null;
  }

  // A browser keeps few connections to a server: a page that nobody sees gives its own back.
  function turn() {
    if (document.hidden) leave();
    else follow();
  }

  document.addEventListener("visibilitychange", turn);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", follow);
  follow();
})();

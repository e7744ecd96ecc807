// The population as a graph on a canvas: agents by name, lines for who talked with whom, dots for messages as they pass.
"use strict";
(() => {
  const box = document.getElementById("graph");
  const stored = document.getElementById("graph-data");
  if (!box || !stored) return;
  const MOST_LINES = 1500; // drawn at once: those with most messages
  const MANY = 600; // lines beyond which the picture is drawn anew once a second, and new lines move nobody
  const MOST_DOTS = 240;
  const FLIGHT_MS = 900;
  const canvas = box.querySelector("canvas");
  const tip = box.querySelector(".tip");
  const pen = canvas.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const nodes = [];
  const links = [];
  const byName = new Map();
  const byPair = new Map();
  let dots = [];
  let view = { x: 0, y: 0, k: 1, own: false }; // own: the reader has moved it
  let over = null;
  let colours = {};
  let size = { width: 0, height: 0 };
  let backdrop = null; // what does not move, drawn once the agents rest
  let drawnAt = 0;
  let shown = []; // the lines that are drawn, and that hold the agents together
  let drawing = 0;

  const linked = d3.forceLink(links).distance((one) => 46 + (one.source.r + one.target.r)).strength((one) => 0.35 / Math.min(one.source.links, one.target.links));
  const forces = d3.forceSimulation(nodes)
    .force("apart", d3.forceManyBody().strength(-46).theta(1.2).distanceMax(420))
    .force("together", linked)
    .force("x", d3.forceX().strength(0.06))
    .force("y", d3.forceY().strength(0.08))
    .alphaDecay(0.035)
    .stop();

  function agent(name, state) {
    let one = byName.get(name);
    if (state === "gone") {
      if (one && !one.links) {
        byName.delete(name);
        nodes.splice(nodes.indexOf(one), 1);
      }
      return;
    }
    if (one) {
      one.state = state;
      return;
    }
    const turn = 2.4 * nodes.length;
    const far = 9 * Math.sqrt(nodes.length);
    one = { name, state, r: 5, links: 0, born: performance.now(), x: far * Math.cos(turn), y: far * Math.sin(turn) };
    byName.set(name, one);
    nodes.push(one);
  }

  function talk(source, target, count, failed) {
    const [from, to] = [byName.get(source), byName.get(target)];
    if (!from || !to || from === to) return null;
    const key = source < target ? source + " " + target : target + " " + source;
    let one = byPair.get(key);
    if (!one) {
      one = { source: from, target: to, count: 0 };
      byPair.set(key, one);
      links.push(one);
      for (const end of [from, to]) end.r = Math.min(5 + Math.sqrt(++end.links), 12);
    }
    one.count += count;
    return { from, to, failed: failed >= count };
  }

  function choose() {
    shown = links.length > MOST_LINES ? [...links].sort((a, b) => b.count - a.count).slice(0, MOST_LINES) : links;
  }

  function settle(alpha) {
    choose();
    forces.nodes(nodes);
    linked.links(shown);
    forces.alpha(Math.max(forces.alpha(), alpha));
    backdrop = null;
    wake();
  }

  function paint() {
    const styles = getComputedStyle(document.documentElement);
    for (const name of ["ink", "quiet", "line", "accent", "bad", "card"]) colours[name] = styles.getPropertyValue("--" + name).trim();
    backdrop = null;
    wake();
  }

  function measure() {
    const scale = Math.min(devicePixelRatio || 1, 2);
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    canvas.width = size.width * scale;
    canvas.height = size.height * scale;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    backdrop = null;
    wake();
  }

  function fit() {
    if (view.own || !nodes.length) return;
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const one of nodes) {
      left = Math.min(left, one.x); right = Math.max(right, one.x);
      top = Math.min(top, one.y); bottom = Math.max(bottom, one.y);
    }
    const k = Math.min(2.4, (size.width - 90) / (right - left + 40), (size.height - 60) / (bottom - top + 40));
    view = { k: Math.max(k, 0.05), x: (left + right) / 2, y: (top + bottom) / 2, own: false };
  }

  const onScreen = (x, y) => [(x - view.x) * view.k + size.width / 2, (y - view.y) * view.k + size.height / 2];

  function drawResting() {
    pen.strokeStyle = colours.quiet;
    pen.globalAlpha = links.length > 400 ? 0.22 : 0.4;
    for (const thick of [0, 1, 2]) {
      pen.lineWidth = 1 + thick;
      pen.beginPath();
      for (const one of shown) {
        if (Math.min(2, Math.floor(Math.log10(one.count) + 0.31)) !== thick) continue;
        pen.moveTo(...onScreen(one.source.x, one.source.y));
        pen.lineTo(...onScreen(one.target.x, one.target.y));
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
    for (const one of nodes) drawAgent(one);
    if (nodes.length <= 45 || view.k > 1.5) drawNames();
  }

  // A shape for each state: a full circle, a dotted ring, an empty square, a crossed rhomb.
  function drawAgent(one) {
    const [x, y] = onScreen(one.x, one.y);
    if (x < -20 || y < -20 || x > size.width + 20 || y > size.height + 20) return;
    const r = Math.max(2.5, one.r * Math.min(1, 0.35 + 0.65 * view.k));
    pen.lineWidth = 1.6;
    pen.beginPath();
    if (one.state === "pending") pen.rect(x - r, y - r, 2 * r, 2 * r);
    else if (one.state === "failed") {
      pen.moveTo(x, y - r - 1); pen.lineTo(x + r + 1, y); pen.lineTo(x, y + r + 1); pen.lineTo(x - r - 1, y); pen.closePath();
      pen.moveTo(x - r / 2, y - r / 2); pen.lineTo(x + r / 2, y + r / 2); pen.moveTo(x + r / 2, y - r / 2); pen.lineTo(x - r / 2, y + r / 2);
    } else pen.arc(x, y, r, 0, 2 * Math.PI);
    pen.fillStyle = one.state === "live" ? colours.accent : colours.card;
    pen.fill();
    if (one.state === "live") return;
    if (one.state === "writing") pen.setLineDash([2, 2]);
    pen.strokeStyle = one.state === "failed" ? colours.bad : colours.ink;
    pen.stroke();
    pen.setLineDash([]);
  }

  function drawNames() {
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillStyle = colours.ink;
    let room = 160;
    for (const one of nodes) {
      const [x, y] = onScreen(one.x, one.y);
      if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
      pen.fillText(one.name.slice(0, 24), x, y + one.r + 13);
      if (!--room) return;
    }
  }

  function drawDots(now) {
    dots = dots.filter((one) => now - one.start < FLIGHT_MS);
    for (const one of dots) {
      const share = (now - one.start) / FLIGHT_MS;
      if (share < 0) continue;
      const [x, y] = onScreen(one.from.x + (one.to.x - one.from.x) * share, one.from.y + (one.to.y - one.from.y) * share);
      pen.fillStyle = one.failed ? colours.bad : colours.ink;
      pen.beginPath();
      if (one.failed) pen.rect(x - 3, y - 3, 6, 6);
      else pen.arc(x, y, 3, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  function drawOver() {
    if (!over) return;
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const one of links) {
      if (one.source !== over && one.target !== over) continue;
      pen.moveTo(...onScreen(one.source.x, one.source.y));
      pen.lineTo(...onScreen(one.target.x, one.target.y));
    }
    pen.stroke();
    drawAgent(over);
  }

  function frame(now) {
    drawing = 0;
    const moving = forces.alpha() > forces.alphaMin();
    if (moving) {
      const until = performance.now() + (still.matches ? 30 : 8);
      do forces.tick(); while (forces.alpha() > forces.alphaMin() && performance.now() < until && (still.matches || nodes.length < 200));
      fit();
      backdrop = null;
    }
    if (still.matches && moving) return wake(); // shown once it rests
    pen.clearRect(0, 0, size.width, size.height);
    if (backdrop) pen.drawImage(backdrop, 0, 0, size.width, size.height);
    else {
      drawResting();
      if (!moving && canvas.width) {
        backdrop = new OffscreenCanvas(canvas.width, canvas.height);
        backdrop.getContext("2d").drawImage(canvas, 0, 0);
        drawnAt = now;
      }
    }
    drawDots(now);
    drawOver();
    if (moving || dots.length) wake();
  }

  function wake() {
    if (!drawing) drawing = requestAnimationFrame(frame);
  }

  function at(event) {
    const place = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - place.left, event.clientY - place.top];
    let [found, nearest] = [null, 14];
    for (const one of nodes) {
      const [ox, oy] = onScreen(one.x, one.y);
      const far = Math.hypot(ox - x, oy - y);
      if (far < nearest) [found, nearest] = [one, far];
    }
    return found;
  }

  function zoom(factor, event) {
    if (!factor) view.own = false;
    else {
      const k = Math.min(8, Math.max(0.05, view.k * factor));
      const place = canvas.getBoundingClientRect();
      const [dx, dy] = event ? [event.clientX - place.left - size.width / 2, event.clientY - place.top - size.height / 2] : [0, 0];
      view = { k, x: view.x + dx / view.k - dx / k, y: view.y + dy / view.k - dy / k, own: true };
    }
    fit();
    backdrop = null;
    wake();
  }

  let held = null;
  canvas.addEventListener("pointerdown", (event) => { held = { x: event.clientX, y: event.clientY, moved: false }; });
  window.addEventListener("pointerup", () => { setTimeout(() => { held = null; }); });
  canvas.addEventListener("pointermove", (event) => {
    if (held && event.buttons) {
      const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
      if (!held.moved && Math.hypot(dx, dy) < 4) return;
      view = { k: view.k, x: view.x - dx / view.k, y: view.y - dy / view.k, own: true };
      held = { x: event.clientX, y: event.clientY, moved: true };
      backdrop = null;
      return wake();
    }
    const found = at(event);
    if (found === over) return;
    over = found;
    canvas.style.cursor = over ? "pointer" : "grab";
    tip.hidden = !over;
    tip.textContent = over ? `${over.name}: ${{ writing: "being born", pending: "waits for a review" }[over.state] ?? over.state}, talks with ${over.links}` : "";
    wake();
  });
  canvas.addEventListener("pointerleave", () => { over = null; tip.hidden = true; wake(); });
  canvas.addEventListener("click", (event) => {
    const found = held?.moved ? null : at(event);
    if (found && found.state !== "writing") location.href = box.dataset.agents + encodeURIComponent(found.name);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event);
  }, { passive: false });
  for (const button of box.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));

  document.addEventListener("creator:step", ({ detail }) => {
    const before = [nodes.length, links.length];
    for (const [name, state] of detail.agents) agent(name, state);
    const now = performance.now();
    for (const [source, target, count, failed] of detail.messages) {
      const flight = talk(source, target, count, failed);
      if (flight && !still.matches && dots.length < MOST_DOTS) dots.push({ ...flight, start: now + 700 * Math.random() });
    }
    if (nodes.length !== before[0]) settle(links.length > MANY ? 0.1 : 0.25);
    else if (links.length !== before[1] && links.length <= MANY) settle(0.25);
    else if (now - drawnAt > 1000 || links.length <= MANY) {
      choose();
      backdrop = null;
    }
    wake();
  });

  const start = JSON.parse(stored.textContent);
  for (const [name, state] of start.agents) agent(name, state);
  for (const [from, to, count, failed] of start.edges) talk(start.agents[from][0], start.agents[to][0], count, failed);
  new ResizeObserver(measure).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();
  settle(1);
})();

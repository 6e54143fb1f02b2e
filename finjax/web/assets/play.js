// The page of the target game: draws the field, the goal and the result.

import { follow, given, picture, say, whenThere } from "./stream.js";

const facts = given("facts");

whenThere("field", (canvas) => {
  const key = document.getElementById("player").dataset.key;
  follow(`/stream?player=${key}`, {
    seen: () => 0, // the server sends no signals to this page
    lost: () => badge("no connection to finjax", "bad"),
    show: (content) => {
      const paused = (content.state || {}).paused;
      if (content.ended) badge("the session has ended", "bad");
      else if (content.silent_s >= 1) badge(`no samples for ${content.silent_s.toFixed(0)} s`, "bad");
      else badge(paused ? "decisions are stopped" : "", "warn");
      if (content.latest) say("play-decision", content.latest.movement ?? "no movement");
      showGame(canvas, content.game);
    },
  });
});

function badge(text, kind) {
  say("badge", text);
  document.getElementById("badge").className = kind;
}

function showGame(canvas, game) {
  document.body.classList.toggle("playing", Boolean(game) && game.phase !== "done");
  if (!game) {
    say("goal-text", "");
    say("goal-name", "Choose a game and press Start.");
    say("game-number", "Target game");
    say("game-clock", "");
    picture("goal-picture", facts.pictures, "");
    paint(canvas, null);
    return;
  }
  const { phase, kind } = game;
  say("game-number", phase === "done" ? "All targets done" : `Target ${game.number} of ${game.of}`);
  say("game-clock", phase === "target" ? `${Math.max(0, game.left_s).toFixed(1)} s left` : "");
  const pausing = phase === "pause" ? `Relax. Next in ${Math.max(0, Math.ceil(game.left_s))} s` : "";
  say("goal-text", phase === "done" ? "Done" : pausing || (kind === "hold" ? "Hold" : ""));
  const name = phase === "done" ? "" : kind === "hold" ? game.target : "";
  say("goal-name", name);
  picture("goal-picture", facts.pictures, name);
  dots(game);
  paint(canvas, game);
  if (game.result) showResult(game.result, game.saved);
}

function dots(game) {
  const element = document.getElementById("dots"), text = game.completed.map((one) => (one ? "●" : "○")).join("");
  if (element.textContent !== text) element.textContent = text;
}

function showResult(result, saved) {
  const percent = (value) => (value === null ? "–" : `${Math.round(100 * value)} %`);
  say("r-rate", percent(result.completion_rate));
  say("r-seconds", result.median_seconds === null ? "–" : `${result.median_seconds.toFixed(1)} s`);
  say("r-path", percent(result.path_efficiency));
  say("r-throughput", result.throughput_bits_per_s === null ? "–" : `${result.throughput_bits_per_s.toFixed(2)} bit/s`);
  say("r-saved", saved);
}

/** Draws the ring that fills while a target is held; of a game with a cursor also target and cursor. */
function paint(canvas, game) {
  const ratio = Math.min(2, window.devicePixelRatio || 1), style = getComputedStyle(canvas);
  const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), colour = (name) => style.getPropertyValue(name);
  context.clearRect(0, 0, width, height);
  canvas.dataset.held = game ? game.held.toFixed(2) : "0.00";
  if (!game || game.phase === "done") return;
  const half = 0.47 * Math.min(width, height), middle = [width / 2, height / 2];
  const ring = (x, y, radius, thick) => {
    context.lineWidth = thick;
    context.lineCap = "round";
    context.strokeStyle = colour("--track");
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
    if (!game.held) return;
    context.strokeStyle = colour("--accent");
    context.beginPath();
    context.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * game.held);
    context.stroke();
  };
  if (game.kind === "hold") {
    ring(...middle, half - 8 * ratio, 12 * ratio);
    return;
  }
  const place = (x, y) => [middle[0] + x * half, middle[1] - y * half];
  context.strokeStyle = colour("--line");
  context.lineWidth = 2 * ratio;
  context.strokeRect(middle[0] - half, middle[1] - half, 2 * half, 2 * half);
  const [x, y] = place(...game.place), radius = (game.place[2] / 2) * half;
  if (game.phase === "target") {
    context.fillStyle = colour("--soft");
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    ring(x, y, radius, 5 * ratio);
  }
  context.fillStyle = colour("--ink");
  context.beginPath();
  context.arc(...place(...game.cursor), 9 * ratio, 0, 2 * Math.PI);
  context.fill();
}

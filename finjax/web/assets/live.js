// The live page: signals, decision, probabilities, latency, and the prompts of a calibration.

import { follow, given, picture, say, whenThere } from "./stream.js";
import { Signals, short } from "./signals.js";

const facts = given("facts");
const PHASES = { ready: "Get ready", hold: "Hold", rest: "Rest" };

whenThere("signals-canvas", (canvas) => {
  const signals = new Signals(canvas, facts.channels, facts.columns, facts.seconds);
  follow("/stream", {
    seen: () => signals.end,
    lost: () => badge("no connection to finjax", "bad"),
    show: (content) => {
      signals.add(content.first, content.columns, content.end);
      signals.draw();
      say("signals-scale", signals.range ? `lane ± ${short(signals.range)}${facts.unit ? " " + facts.unit : ""}` : "");
      showDecision(content);
      showState(content.state || {});
      showGuide(content.calibration, content.state || {});
    },
  });
});

function showDecision(content) {
  const { latest } = content, paused = (content.state || {}).paused;
  if (content.ended) badge("the session has ended", "bad");
  else if (content.silent_s >= 1) badge(`no samples for ${content.silent_s.toFixed(0)} s`, "bad");
  else if (paused) badge("decisions are stopped", "warn");
  else badge("", "");
  document.body.classList.toggle("held", Boolean(paused || content.ended || content.silent_s >= 1));
  if (!latest) return;
  const name = latest.movement;
  say("decision-name", name ?? (latest.has_signal ? "no movement" : "no electrode gives a signal"));
  document.getElementById("decision-name").classList.toggle("none", name === null);
  picture("decision-picture", facts.pictures, name ?? "");
  say("clock", `${latest.time_s.toFixed(1)} s`);
  latest.probabilities.forEach((share, number) => {
    const row = document.getElementById(`probability-${number}`);
    const percent = `${Math.round(100 * share)} %`;
    if (row.children[2].textContent !== percent) {
      row.children[2].textContent = percent;
      row.children[1].firstChild.style.transform = `scaleX(${share})`;
    }
    row.classList.toggle("decided", facts.movements[number] === name);
  });
  facts.names.forEach((channel, number) => {
    const lane = document.getElementById(`lane-${number}`), fault = latest.faults[channel] || "";
    lane.classList.toggle("bad", Boolean(fault));
    if (lane.title !== fault) lane.title = fault;
    if (lane.children[2].textContent !== fault) lane.children[2].textContent = fault;
  });
}

function badge(text, kind) {
  say("badge", text);
  document.getElementById("badge").className = kind;
}

function showState(state) {
  if (state.latency) {
    say("p50", `${state.latency.p50_ms.toFixed(1)} ms`);
    say("p99", `${state.latency.p99_ms.toFixed(1)} ms`);
    say("missed", `${state.latency.missed}`);
    say("decisions", `of ${state.latency.decisions.toLocaleString("en")}`);
  }
  const problems = Object.entries(state.problems || {});
  const text = problems.map(([what, count]) => `${what}: ${count}`).join("\n");
  say("problems-list", text || "none");
  document.getElementById("problems").classList.toggle("quiet", !text);
}

function showGuide(prompt, state) {
  const guide = document.getElementById("guide"), busy = state.task === "calibrating";
  guide.classList.toggle("open", Boolean(prompt) || busy);
  guide.classList.toggle("busy", !prompt && busy);
  if (!prompt) {
    if (busy) say("guide-phase", `Fitting the decoder: ${state.task_s} s. Decisions continue.`);
    return;
  }
  const { phase } = prompt;
  guide.dataset.phase = prompt.paused ? "paused" : phase;
  say("guide-phase", prompt.paused ? "Paused" : PHASES[phase]);
  const name = phase === "rest" ? (prompt.next ? `next: ${prompt.next}` : "done") : prompt.movement;
  say("guide-name", name);
  picture("guide-picture", facts.pictures, phase === "rest" ? prompt.next : prompt.movement);
  say("guide-seconds", Math.ceil(prompt.seconds).toString());
  document.getElementById("guide-bar").style.transform = `scaleX(${1 - prompt.seconds / prompt.duration_s})`;
  say("guide-progress", `${Math.min(prompt.done + 1, prompt.total)} of ${prompt.total}`);
}

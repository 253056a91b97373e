"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const rows = [...document.querySelectorAll("tr.rule")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const words = document.getElementById("words");
  const verdict = document.getElementById("verdict-of");
  const matches = document.getElementById("matches");
  const said = document.getElementById("said");
  let current = -1;

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    rows.forEach((row, index) => {
      const fits = (!verdict.value || row.dataset.verdict === verdict.value) && wanted.every((word) => texts[index].includes(word));
      row.hidden = !fits;
      number += fits ? 1 : 0;
    });
    matches.textContent = number + " " + matches.dataset.noun + (number === 1 ? "" : "s");
  }

  function move(step) {
    const seen = rows.filter((row) => !row.hidden);
    if (!seen.length) return;
    const at = seen.indexOf(rows[current]);
    const next = at < 0 ? (step > 0 ? 0 : seen.length - 1) : Math.min(seen.length - 1, Math.max(0, at + step));
    current = rows.indexOf(seen[next]);
    seen[next].querySelector("summary").focus();
    seen[next].scrollIntoView({ block: "nearest" });
  }

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.hidden) {
      words.value = verdict.value = "";
      filter();
    }
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target.classList.contains("rule")) {
      current = rows.indexOf(target);
      target.querySelector("details").open = true;
    }
    target.scrollIntoView();
  }

  async function copy(button) {
    const text = button.closest(".command").querySelector("code");
    let done = false;
    try {
      await navigator.clipboard.writeText(text.textContent);
      done = true;
    } catch {
      getSelection().selectAllChildren(text);
    }
    said.textContent = done ? "copied" : "selected: press Ctrl+C to copy";
    button.firstChild.textContent = done ? "Copied" : "Press Ctrl+C";
  }

  words.addEventListener("input", filter);
  verdict.addEventListener("change", filter);
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && isTyping) event.target.blur();
    if (isTyping) return;
    if (event.key === "/") {
      event.preventDefault();
      words.focus();
      words.select();
    } else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
  });
  document.querySelectorAll(".copy").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => document.querySelectorAll("details.matters").forEach((part) => { part.open = true; }));
  if (location.hash) reveal();
  root.dataset.ready = "yes";
})();

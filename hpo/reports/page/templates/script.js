"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Commands can be copied.
  for (const lines of all(".lines[data-copied]")) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
    button.onclick = async () => {
      const text = lines.querySelector("pre").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(lines.querySelector("pre"));
        button.textContent = "Selected";
      }
    };
    lines.append(button);
  }

  // All trials: sorted, filtered, saved as CSV.
  const value = (text) => {
    const number = Number(text.replaceAll(",", ""));
    return text === "" || text === "-" ? null : Number.isNaN(number) ? text : number;
  };
  const compare = { "=": (a, b) => a == b, ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, "!=": (a, b) => a != b };
  for (const box of all(".trials")) {
    const body = box.querySelector("tbody");
    const names = all("th", box).map((cell) => cell.textContent);
    const rows = all("tr", body).map((row) => ({ row, cells: all("td", row).map((cell) => cell.textContent) }));
    for (const cells of JSON.parse(box.querySelector("script").textContent)) {
      const row = document.createElement("tr");
      for (const text of cells) row.append(Object.assign(document.createElement("td"), { textContent: text }));
      rows.push({ row, cells });
    }
    body.append(...rows.map((entry) => entry.row));
    const shown = () => rows.filter((entry) => !entry.row.hidden);
    const output = box.querySelector("output");
    const filter = box.querySelector(".filter");
    filter.oninput = () => {
      const condition = /^\s*([^=<>!]+?)\s*(>=|<=|!=|=|>|<)\s*(.+?)\s*$/.exec(filter.value);
      const column = condition ? names.indexOf(condition[1]) : -1;
      const word = filter.value.trim().toLowerCase();
      for (const { row, cells } of rows) {
        const own = column >= 0 ? value(cells[column]) : null;
        row.hidden = column >= 0 ? own === null || !compare[condition[2]](own, value(condition[3]))
          : !cells.some((text) => text.toLowerCase().includes(word));
      }
      output.textContent = `${shown().length} of ${rows.length} shown`;
    };
    all("th", box).forEach((cell, column) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: cell.textContent });
      button.onclick = () => {
        const rising = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        all("th", box).forEach((other) => other.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", rising > 0 ? "ascending" : "descending");
        rows.sort((one, two) => {
          const a = value(one.cells[column]), b = value(two.cells[column]);
          if (a === null || b === null) return (a === null) - (b === null);
          if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
          return rising * (a < b ? -1 : a > b ? 1 : 0);
        });
        body.append(...rows.map((entry) => entry.row));
      };
      cell.replaceChildren(button);
    });
    box.querySelector(".csv").onclick = () => {
      const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const lines = [names, ...shown().map((entry) => entry.cells)].map((cells) => cells.map(quoted).join(","));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
      link.download = box.dataset.file;
      link.click();
    };
    box.querySelector(".controls").hidden = false;
  }

  // Parallel coordinates: the best k, and ranges dragged along the axes.
  for (const figure of all("figure.scrolls")) {
    const svg = figure.querySelector("svg"), paths = all(".trial", svg), brushes = all(".brush", svg);
    if (!paths.length) continue;
    const heights = new Map(paths.map((path) => [path, path.getAttribute("d").slice(1).split("L").map((point) => Number(point.split(" ")[1]))]));
    const ranges = new Map();
    const best = figure.querySelector(".best"), output = figure.querySelector("output");
    best.max = paths.length;
    best.value = paths.length;
    const update = () => {
      let kept = 0;
      for (const path of paths) {
        const own = heights.get(path);
        const inside = Number(path.dataset.rank) < Number(best.value) && [...ranges].every(([axis, [low, high]]) => own[axis] >= low && own[axis] <= high);
        path.classList.toggle("out", !inside);
        kept += inside;
      }
      output.textContent = `${best.value}; ${kept} of ${paths.length} trials shown`;
    };
    best.oninput = update;
    const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).y;
    brushes.forEach((brush, axis) => {
      let start = null;
      const chosen = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      chosen.classList.add("chosen");
      brush.onpointerdown = (event) => {
        start = at(event);
        ranges.delete(axis);
        chosen.remove();
        brush.setPointerCapture(event.pointerId);
        update();
      };
      brush.onpointermove = (event) => {
        if (start === null) return;
        const [low, high] = [start, at(event)].sort((a, b) => a - b);
        if (high - low < 4) return;
        ranges.set(axis, [low, high]);
        for (const [name, value] of Object.entries({ x: Number(brush.dataset.x) - 8, y: low, width: 16, height: high - low })) chosen.setAttribute(name, value);
        svg.append(chosen);
        update();
      };
      brush.onpointerup = brush.onpointercancel = () => { start = null; };
    });
    figure.querySelector(".clear").onclick = () => {
      ranges.clear();
      all(".chosen", svg).forEach((chosen) => chosen.remove());
      best.value = paths.length;
      update();
    };
    figure.querySelector(".controls").hidden = false;
    update();
  }
})();

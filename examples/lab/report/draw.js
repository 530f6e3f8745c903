// SPDX-License-Identifier: MIT
// Builds the page from its data. Text from the data only ever becomes text, never markup.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("report");
  const plots = [];

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  const undefinedText = "–";
  const size = (bytes) => {
    if (!bytes) return undefinedText;
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    for (; bytes >= 1000 && unit + 1 < units.length; ++unit) bytes /= 1000;
    return `${bytes.toFixed(unit ? 1 : 0)} ${units[unit]}`;
  };
  const estimate = (value, sign = "") => {
    if (!value) return undefinedText;
    const mean = (sign && value.mean > 0 ? "+" : "") + value.mean.toFixed(1);
    return value.half_width === null ? mean : `${mean} ± ${value.half_width.toFixed(1)}`;
  };

  const columns = [
    ["method", (method) => method.name],
    ["strength", (method) => (method.strength === null ? undefinedText : String(method.strength))],
    ["average accuracy, %", (method) => estimate(method.metrics.average_accuracy), (method) => method.metrics.average_accuracy?.mean],
    ["backward transfer", (method) => estimate(method.metrics.backward_transfer, "+")],
    ["forward transfer", (method) => estimate(method.metrics.forward_transfer, "+")],
    ["forgetting", (method) => estimate(method.metrics.forgetting)],
    ["learning accuracy, %", (method) => estimate(method.metrics.learning_accuracy)],
    ["intransigence", (method) => estimate(method.metrics.intransigence, "+")],
    ["running average, %", (method) => estimate(method.metrics.running_average)],
    ["worst task, %", (method) => estimate(method.metrics.worst_accuracy)],
    ["worst forgetting", (method) => estimate(method.metrics.worst_forgetting)],
    ["worst case, %", (method) => estimate(method.metrics.worst_case_accuracy)],
    ["stability gap", (method) => estimate(method.metrics.stability_gap)],
    ["learning-curve area, %", (method) => estimate(method.metrics.learning_curve_area)],
    ["calibration error", (method) => estimate(method.metrics.calibration_error)],
    ["seconds", (method) => estimate(method.metrics.seconds)],
    ["state", (method) => size(method.state_bytes)],
    ["stored examples", (method) => size(method.memory_bytes)],
  ];

  function tableOf(head, lines) {
    const table = element("table");
    table.append(element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col", textContent: text })))));
    table.append(element("tbody", {}, ...lines.map((line) => element("tr", {}, ...line))));
    return element("div", { className: "scroll", tabIndex: 0 }, table);
  }

  function summary(experiment) {
    const others = experiment.methods.filter((method) => method.name !== "joint");
    const best = Math.max(...others.map((method) => method.metrics.average_accuracy.mean));
    return tableOf(columns.map(([title]) => title), experiment.methods.map((method) =>
      columns.map(([, text, rank]) => element("td", {
        textContent: text(method),
        className: rank && method.name !== "joint" && rank(method) === best ? "best" : "",
      }))));
  }

  function definitions(pairs) {
    return element("dl", {}, ...pairs.flatMap(([term, text]) => [element("dt", { textContent: term }), element("dd", {}, text)]));
  }

  function csv(rows) {
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const keys = Object.keys(rows[0]);
    return [keys.join(","), ...rows.map((row) => keys.map((key) => cell(row[key])).join(","))].join("\n") + "\n";
  }

  function download(name, url) {
    const link = element("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
  }

  function figureOf(figure, experiment) {
    const place = element("div", { className: "plot" });
    const plot = { figure, place, view: null };
    plots.push(plot);
    const file = (ending) => `${experiment.name}-${figure.id}.${ending}`;
    const action = (text, act) => element("a", { href: "#", textContent: text, onclick: (event) => { event.preventDefault(); act(); } });
    return element("figure", { id: `${experiment.name}-${figure.id}` },
      element("h3", { textContent: figure.title }),
      element("figcaption", { textContent: figure.caption }),
      place,
      element("div", { className: "actions" },
        action("CSV", () => download(file("csv"), URL.createObjectURL(new Blob([csv(figure.rows)], { type: "text/csv" })))),
        action("SVG", async () => download(file("svg"), await plot.view.toImageURL("svg"))),
        action("PNG", async () => download(file("png"), await plot.view.toImageURL("png", 2)))));
  }

  function image(height, width, base64) {
    const grey = atob(base64);
    if (grey.length !== height * width) return "";
    const canvas = element("canvas", { width, height });
    const context = canvas.getContext("2d"), pixels = context.createImageData(width, height);
    for (let i = 0; i < height * width; ++i) pixels.data.set([0, 1, 2].map(() => grey.charCodeAt(i)).concat(255), 4 * i);
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  function pictures(experiment) {
    if (!experiment.pictures?.length) return [];
    return [element("h3", { textContent: "The tasks" }),
      element("p", { className: "soft", textContent: `The first test images of ${experiment.pictures.length < experiment.tasks ? `the first ${experiment.pictures.length} tasks` : "each task"}.` }),
      element("div", { className: "pictures" }, ...experiment.pictures.map(({ task, height, width, images }) =>
        element("div", {}, element("span", { textContent: task }), ...images.map((grey) => image(height, width, grey)))))];
  }

  function section(experiment) {
    const seeds = new Set(experiment.methods.flatMap((method) => method.seeds));
    const part = element("section", {},
      element("h2", { textContent: experiment.name }),
      definitions([
        ["data", experiment.dataset],
        ["stream", `${experiment.kind === "sweep" ? "the first " : ""}${experiment.tasks} tasks, ${experiment.stream}, ${experiment.scenario}-incremental`],
        ["network", experiment.model],
        ["seeds", [...seeds].join(", ")],
        ["command", element("code", { textContent: experiment.command })],
      ]),
      summary(experiment),
      element("p", { className: "soft", textContent: seeds.size > 1
        ? "± is the 95 % interval of the mean over seeds (Student's t). The best average is bold; joint training, the upper bound, does not compete. A dash is a value that is not defined."
        : "One seed: there are no intervals, and small differences may be chance. The best average is bold; joint training, the upper bound, does not compete. A dash is a value that is not defined." }),
      ...pictures(experiment));
    for (const figure of figures(experiment)) part.append(figureOf(figure, experiment));
    part.append(element("details", {}, element("summary", { textContent: "The recipe of each method" }),
      element("ul", {}, ...experiment.methods.map((method) => element("li", { textContent: method.recipe })))));
    return part;
  }

  function sideBySide(experiments) {
    if (experiments.length < 2) return [];
    const names = [...new Set(experiments.flatMap((experiment) => experiment.methods.map((method) => method.name)))];
    const cell = (experiment, name) => estimate(experiment.methods.find((method) => method.name === name)?.metrics.average_accuracy);
    return [element("section", {}, element("h2", { textContent: "Average accuracy side by side, %" }),
      tableOf(["method", ...experiments.map((experiment) => experiment.name)],
        names.map((name) => [name, ...experiments.map((experiment) => cell(experiment, name))].map((text) => element("td", { textContent: text })))))];
  }

  function colours() {
    const of = getComputedStyle(document.documentElement);
    return Object.fromEntries(["paper", "ink", "soft", "line", "panel"].map((name) => [name, of.getPropertyValue(`--${name}`).trim()]));
  }

  function config(of) {
    const axis = { labelColor: of.soft, titleColor: of.soft, gridColor: of.line, domainColor: of.line, tickColor: of.line, titleFontWeight: "normal", labelFontSize: 12, titleFontSize: 12 };
    return {
      background: null, font: "system-ui, sans-serif", axis, view: { stroke: null },
      legend: { labelColor: of.soft, titleColor: of.soft, titleFontWeight: "normal" }, header: { labelColor: of.ink, titleColor: of.soft },
      text: { color: of.ink },
    };
  }

  async function draw() {
    const page = colours();
    const dark = parseInt(page.paper.slice(1, 3), 16) < 128;
    for (const plot of plots) {
      plot.view?.finalize();
      const width = plot.place.clientWidth;
      const spec = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", config: config(page), ...plot.figure.spec({ width, colours: page }) };
      if (!plot.figure.fixed) Object.assign(spec, { width: "container", autosize: { type: "fit-x", contains: "padding" } });
      const made = await vegaEmbed(plot.place, spec, { actions: false, renderer: "svg", tooltip: { theme: dark ? "dark" : "light" } });
      plot.view = made.view;
    }
    document.documentElement.dataset.drawn = "yes";
  }

  const experiments = data.experiments;
  const several = experiments.length > 1;
  main.classList.toggle("several", several);
  main.replaceChildren(
    element("h1", { textContent: "Learning task after task" }),
    element("p", { className: "soft", textContent: `Made by lifelong-lab ${data.version}.` }),
    ...(several ? sideBySide(experiments.filter((experiment) => experiment.kind === "run")) : []),
    element("div", { className: "side-by-side" }, ...experiments.map(section)));

  let redraw = draw();
  const again = () => { redraw = redraw.then(draw); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  matchMedia("print").addEventListener("change", again);
  let wait = 0;
  addEventListener("resize", () => { clearTimeout(wait); wait = setTimeout(again, 150); });
})();

// SPDX-License-Identifier: MIT
// The figures of a report. Each is { id, title, caption, rows, spec }: rows is its data, as it is saved in a CSV file,
// and spec makes a Vega-Lite specification of it from { width, colours } of the page.
"use strict";

const figures = (() => {
  // Okabe and Ito's colours, which the colour-blind can tell apart; beyond six methods, dashes differ too.
  const hues = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"];
  const dashes = [[1, 0], [6, 3], [2, 2], [9, 3, 2, 3]];
  const shapes = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];

  // The two ends that all others lie between have no hue.
  const plain = "finetune", together = "joint";

  function looks(experiment, colours) {
    const names = experiment.methods.map((method) => method.name);
    const between = names.filter((name) => name !== plain && name !== together);
    const of = (name, choose, lower, upper) =>
      name === plain ? lower : name === together ? upper : choose(between.indexOf(name));
    const scale = (choose, lower, upper) => ({
      domain: names,
      range: names.map((name) => of(name, choose, lower, upper)),
    });
    return {
      color: scale((k) => hues[k % hues.length], colours.soft, colours.ink),
      strokeDash: scale((k) => dashes[Math.floor(k / hues.length) % dashes.length], [1, 0], [4, 4]),
      shape: scale((k) => shapes[(k + Math.floor(k / hues.length)) % shapes.length], "circle", "square"),
    };
  }

  // Moves labels apart that would lie on one another; `gap` and the values are in units of the axis.
  function spread(points, key, gap) {
    const sorted = [...points].sort((a, b) => a[key] - b[key]);
    let last = -Infinity;
    for (const point of sorted) last = point.label = Math.max(point[key], last + gap);
    const over = Math.max(0, last - Math.max(...points.map((point) => point[key])) - gap);
    for (const point of sorted) point.label -= over / 2;
    return points;
  }

  const percentAxis = (title) => ({ title, type: "quantitative", axis: { tickCount: 5 } });
  const hover = { name: "near", select: { type: "point", fields: ["method"], on: "pointerover", clear: "pointerout" } };
  const faded = { condition: { param: "near", value: 1, empty: true }, value: 0.2 };
  const number = (value, digits = 1) => (value === null || value === undefined ? null : +value.toFixed(digits));

  // Room for the names at the ends of the lines.
  const labelWidth = (names) => 7 * Math.max(...names.map((name) => name.length)) + 14;

  function curve(experiment) {
    const rows = experiment.methods.flatMap((method) =>
      method.curve.map((point) => ({
        method: method.name,
        learned: point.learned,
        accuracy: number(point.mean, 3),
        low: point.half_width === null ? null : number(point.mean - point.half_width, 3),
        high: point.half_width === null ? null : number(point.mean + point.half_width, 3),
      })));
    const spec = ({ width, colours }) => {
      const look = looks(experiment, colours), tasks = experiment.tasks, height = 340;
      const room = labelWidth(experiment.methods.map((method) => method.name));
      const first = Math.floor(Math.min(...rows.map((row) => row.learned), 1) - 1e-9);
      const span = tasks - first;
      const last = tasks + (span * room) / Math.max(width - 60 - room, 80);
      const lowest = Math.min(...rows.map((row) => row.accuracy));
      const bottom = Math.max(0, Math.floor((lowest - 3) / 5) * 5);
      const ends = experiment.methods.map((method) => rows.filter((row) => row.method === method.name).at(-1));
      const names = spread(ends.map((row) => ({ ...row })), "accuracy", ((100 - bottom) * 14) / height);
      const x = {
        field: "learned", type: "quantitative", title: "tasks learned",
        scale: { domain: [first, last], nice: false },
        axis: { values: Array.from({ length: tasks }, (_, k) => k + 1), format: "d", grid: false, labelOverlap: true },
      };
      const y = (field) => ({ field, ...percentAxis("accuracy of the tasks seen so far, %"), scale: { domain: [bottom, 100], nice: false } });
      const color = { field: "method", type: "nominal", scale: look.color, legend: null };
      const tooltip = [
        { field: "method" }, { field: "learned", title: "tasks learned", format: ".2~f" },
        { field: "accuracy", title: "accuracy, %", format: ".1f" }, { field: "low", format: ".1f", title: "95 % from" }, { field: "high", format: ".1f", title: "to" },
      ];
      return {
        height,
        layer: [
          { data: { values: rows.filter((row) => row.low !== null) },
            mark: { type: "area", opacity: 0.15, clip: true },
            encoding: { x, y: y("low"), y2: { field: "high" }, color } },
          { data: { values: rows }, params: [hover], mark: { type: "line", strokeWidth: 2 },
            encoding: { x, y: y("accuracy"), color, strokeDash: { field: "method", type: "nominal", scale: look.strokeDash, legend: null }, opacity: faded } },
          { data: { values: rows.filter((row) => Number.isInteger(row.learned)) }, mark: { type: "point", filled: true, size: 30, opacity: 1 },
            encoding: { x, y: y("accuracy"), color, opacity: faded, tooltip } },
          { data: { values: names }, mark: { type: "text", align: "left", dx: 8, fontSize: 12 },
            encoding: { x, y: y("label"), text: { field: "method" }, opacity: faded } },
        ],
      };
    };
    return {
      id: "curve", title: "Average accuracy while learning", rows, spec,
      caption: "The accuracy on the test examples of all tasks seen so far, after each epoch and task (dots). A line that falls forgets; where a new task begins, it dips because that task is not learned yet. Plain training is grey; joint training, dark, has all tasks at once and is the upper bound." +
        (rows.some((row) => row.low !== null) ? " Bands are 95 % intervals of the mean over seeds." : ""),
    };
  }

  function matrices(experiment) {
    const whole = experiment.methods.filter((method) => method.matrix.length === experiment.tasks);
    const rows = whole.flatMap((method) =>
      method.matrix.flatMap((row, learned) =>
        row.map((accuracy, task) => ({ method: method.name, learned: learned + 1, task: task + 1, accuracy: number(accuracy, 2) }))));
    const spec = ({ width, colours }) => {
      const tasks = experiment.tasks;
      const step = tasks <= 5 ? 34 : tasks <= 10 ? 24 : Math.max(4, Math.floor(220 / tasks));
      const each = step * tasks + 38;
      const x = { field: "task", type: "ordinal", title: "tested on task", axis: { labelAngle: 0, labelOverlap: true } };
      const y = { field: "learned", type: "ordinal", title: "after task", axis: { labelOverlap: true } };
      const lowest = Math.min(...rows.map((row) => row.accuracy));
      const tooltip = [{ field: "method" }, { field: "learned", title: "after task" }, { field: "task", title: "tested on task" }, { field: "accuracy", title: "accuracy, %", format: ".1f" }];
      const layer = [
        { mark: { type: "rect", tooltip: true },
          encoding: { x, y, tooltip, color: { field: "accuracy", type: "quantitative", title: "%", scale: { domain: [lowest, 100], range: [colours.panel, "#0072b2"] }, legend: { orient: "top", direction: "horizontal" } } } },
      ];
      if (tasks <= 10)
        layer.push({ mark: { type: "text", fontSize: 11 },
          encoding: { x, y, tooltip, text: { field: "accuracy", format: ".0f" }, color: { condition: { test: `datum.accuracy > ${(lowest + 100) / 2}`, value: "#ffffff" }, value: colours.ink } } });
      return {
        data: { values: rows },
        facet: { field: "method", type: "nominal", title: null, sort: whole.map((method) => method.name), header: { labelFontSize: 13 } },
        columns: Math.max(1, Math.floor(width / each)),
        spec: { width: { step }, height: { step }, layer },
      };
    };
    return {
      id: "matrices", title: "Accuracy matrices", rows, spec: rows.length ? spec : null, fixed: true,
      caption: "Rows: after which task; columns: on which task the network was tested. Down a column from the diagonal, a colour that fades is forgetting. Right of the diagonal are tasks that were not learned yet: colour there is transfer to the future.",
    };
  }

  function tradeoff(experiment) {
    const rows = experiment.methods.filter((method) => method.metrics.learning_accuracy).map((method) => ({
      method: method.name,
      learning_accuracy: number(method.metrics.learning_accuracy.mean, 2),
      average_accuracy: number(method.metrics.average_accuracy.mean, 2),
      forgetting: number(method.metrics.forgetting?.mean, 2),
    }));
    const spec = ({ width, colours }) => {
      const look = looks(experiment, colours), height = 320;
      const values = rows.flatMap((row) => [row.learning_accuracy, row.average_accuracy]);
      const bounds = (keys) => {
        const of = rows.flatMap((row) => keys.map((key) => row[key]));
        const low = Math.min(...of), high = Math.max(...of), margin = Math.max(1, (high - low) * 0.12);
        return [Math.max(0, low - margin), Math.min(100, high + margin)];
      };
      const yBounds = bounds(["average_accuracy", "learning_accuracy"]);
      const xBounds = bounds(["learning_accuracy"]);
      const room = labelWidth(rows.map((row) => row.method));
      xBounds[1] += ((xBounds[1] - xBounds[0]) * room) / Math.max(width - 60 - room, 80);
      const names = spread(rows.map((row) => ({ ...row })), "average_accuracy", ((yBounds[1] - yBounds[0]) * 13) / height);
      const x = { field: "learning_accuracy", ...percentAxis("learned: accuracy right after each task, %"), scale: { domain: xBounds, nice: false } };
      const y = (field) => ({ field, ...percentAxis("kept: accuracy at the end, %"), scale: { domain: yBounds, nice: false } });
      const color = { field: "method", type: "nominal", scale: look.color, legend: null };
      const diagonal = [Math.max(xBounds[0], yBounds[0]), Math.min(100, xBounds[1], yBounds[1])].map((value) => ({ learning_accuracy: value, average_accuracy: value }));
      return {
        height,
        layer: [
          { data: { values: diagonal }, mark: { type: "line", strokeDash: [3, 3], strokeWidth: 1, color: colours.soft, clip: true }, encoding: { x, y: y("average_accuracy") } },
          { data: { values: rows }, params: [hover], mark: { type: "point", filled: true, size: 90, opacity: 1 },
            encoding: { x, y: y("average_accuracy"), color, opacity: faded, shape: { field: "method", type: "nominal", scale: look.shape, legend: null },
              tooltip: [{ field: "method" }, { field: "learning_accuracy", title: "learned, %", format: ".1f" }, { field: "average_accuracy", title: "kept, %", format: ".1f" }, { field: "forgetting", title: "forgetting, %", format: ".1f" }] } },
          { data: { values: names }, mark: { type: "text", align: "left", dx: 9, fontSize: 12 }, encoding: { x, y: y("label"), text: { field: "method" }, opacity: faded } },
        ],
      };
    };
    return {
      id: "tradeoff", title: "Plasticity and stability", rows, spec: rows.length ? spec : null,
      caption: "To the right, a method learns new tasks well; at the top, it still knows them at the end. On the dotted line nothing was forgotten: how far a point lies below is forgetting, and how far it lies to the left of plain training is what the method could not learn any more (intransigence).",
    };
  }

  // Of a sweep: the two failures that a strength lies between.
  function strengths(experiment) {
    const rows = experiment.methods.filter((method) => method.metrics.learning_accuracy).flatMap((method) =>
      [["new tasks, right after each was learned", "learning_accuracy"], ["all tasks, at the end", "average_accuracy"]].map(([what, metric]) => ({
        method: method.name, strength: method.strength, what, accuracy: number(method.metrics[metric].mean, 3),
        half_width: number(method.metrics[metric].half_width, 3),
      })));
    const positive = rows.filter((row) => row.strength > 0);
    const spec = ({ width }) => {
      const lowest = Math.min(...rows.map((row) => row.accuracy));
      const domain = [Math.max(0, Math.floor((lowest - 2) / 5) * 5), 100];
      const x = { field: "strength", type: "quantitative", title: "strength λ; dashed: λ = 0", scale: { type: "log" }, axis: { grid: false, format: "~g", labelOverlap: true } };
      const y = { field: "accuracy", type: "quantitative", title: "accuracy, %", scale: { domain, nice: false, zero: false } };
      const color = { field: "what", type: "nominal", title: null, scale: { range: ["#0072b2", "#d55e00"] }, legend: { orient: "top", direction: width > 600 ? "horizontal" : "vertical", labelLimit: 300 } };
      const names = [...new Set(rows.map((row) => row.method))];
      const each = names.length > 1 && width > 700 ? Math.floor(width / 2) - 80 : width - 80;
      const tooltip = [{ field: "method" }, { field: "strength" }, { field: "what", title: "tested on" }, { field: "accuracy", title: "accuracy, %", format: ".1f" }, { field: "half_width", title: "± 95 %", format: ".1f" }];
      const layer = [
        { transform: [{ filter: "datum.strength > 0" }], mark: { type: "line", strokeWidth: 2 }, encoding: { x, y, color } },
        { transform: [{ filter: "datum.strength > 0" }], mark: { type: "point", filled: true, size: 45, opacity: 1 }, encoding: { x, y, color, tooltip } },
        { transform: [{ filter: "datum.strength === 0" }], mark: { type: "rule", strokeDash: [4, 4] }, encoding: { y, color, tooltip } },
      ];
      return { data: { values: rows }, facet: { field: "method", type: "nominal", title: null, sort: names, header: { labelFontSize: 13 } }, columns: each < width - 80 ? 2 : 1, spec: { width: each, height: 260, layer } };
    };
    return {
      id: "strengths", title: "Stability against plasticity", rows, spec: positive.length ? spec : null, fixed: true,
      caption: "To the left the penalty is too weak: new tasks are learned and old ones are lost, which is forgetting, the gap between the lines. To the right it is too strong: nothing is lost, but new tasks are not learned any more, which is intransigence, and the first line falls. The best strength is where the second line is highest.",
    };
  }

  // Of two tasks, and how three methods move through them.
  function surface(experiment) {
    const found = experiment.surface, rows = [], paths = [];
    if (found) {
      const half = (values) => (values.at(-1) - values[0]) / (values.length - 1) / 2;
      const dx = half(found.x), dy = half(found.y);
      found.y.forEach((y, row) => found.x.forEach((x, column) => found.tasks.forEach((task, k) =>
        rows.push({ on: `loss of ${task}`, x: x - dx, to_x: x + dx, y: y - dy, to_y: y + dy, loss: number(found.losses[row * found.x.length + column][k], 4) }))));
      found.tasks.forEach((task) => found.paths.forEach(({ method, points }) => points.forEach(([x, y], k) =>
        paths.push({ on: `loss of ${task}`, method, k, x, y, last: k === points.length - 1, first: k === 0 }))));
    }
    const spec = ({ width, colours }) => {
      const least = Math.max(Math.min(...rows.map((row) => row.loss)), 1e-3), most = Math.max(...rows.map((row) => row.loss));
      const bands = Array.from({ length: 9 }, (_, k) => least * (most / least) ** ((k + 1) / 10));
      const mix = (a, b, t) => "#" + [1, 3, 5].map((i) => Math.round(parseInt(a.slice(i, i + 2), 16) * (1 - t) + parseInt(b.slice(i, i + 2), 16) * t).toString(16).padStart(2, "0")).join("");
      const shades = Array.from({ length: 10 }, (_, k) => mix(colours.paper, colours.soft, (k / 9) * 0.9));
      const each = width > 700 ? Math.floor(width / 2) - 70 : width - 60;
      const axis = (title) => ({ title, grid: false, tickCount: 4 });
      const bounds = (low, high) => ({ domain: [rows[0][low], rows.at(-1)[high]], nice: false, zero: false });
      const x = { field: "x", type: "quantitative", scale: bounds("x", "to_x"), axis: axis("towards the end of plain training") };
      const y = { field: "y", type: "quantitative", scale: bounds("y", "to_y"), axis: axis("towards the end of EWC") };
      const color = { field: "method", type: "nominal", title: null, scale: { domain: ["plain", "l2", "ewc"], range: ["#d55e00", "#009e73", "#0072b2"] }, legend: { orient: "top", symbolType: "stroke", symbolStrokeWidth: 3 } };
      const shade = { field: "loss", type: "quantitative", scale: { type: "threshold", domain: bands, range: shades }, legend: null };
      return {
        facet: { field: "on", type: "nominal", title: null, header: { labelFontSize: 13 }, sort: found.tasks.map((task) => `loss of ${task}`) },
        columns: width > 700 ? 2 : 1, data: { values: rows.concat(paths) },
        spec: {
          width: each, height: Math.min(each, 360),
          layer: [
            { transform: [{ filter: "isValid(datum.loss)" }], mark: { type: "rect", strokeWidth: 0 }, encoding: { x, x2: { field: "to_x" }, y, y2: { field: "to_y" }, color: null, fill: shade, tooltip: [{ field: "loss", format: ".3f" }] } },
            { transform: [{ filter: "isValid(datum.k)" }], mark: { type: "line", strokeWidth: 3 }, encoding: { x, y, color, order: { field: "k" } } },
            { transform: [{ filter: "datum.last" }], mark: { type: "point", filled: true, size: 110, opacity: 1 }, encoding: { x, y, color, tooltip: [{ field: "method" }] } },
            { transform: [{ filter: "datum.first && datum.method === 'plain'" }], mark: { type: "point", shape: "cross", filled: true, size: 110, color: colours.ink, opacity: 1 }, encoding: { x, y } },
          ],
        },
        resolve: { scale: { color: "shared" } },
      };
    };
    return {
      id: "surface", title: "The error surfaces of two tasks", rows: rows.concat(paths), spec: found ? spec : null, fixed: true,
      caption: "The loss of the first two tasks in the plane through the solution of the first (cross) and the ends (dots) of plain training and of EWC on the second; dark is a large loss, and each shade is the same factor. Plain training walks straight into the valley of the second task and out of that of the first. L2 holds all parameters alike. EWC walks along the valley of the first task to where both losses are small.",
    };
  }

  function bars(experiment, { id, title, caption, rows, value, axis, parts }) {
    const spec = ({ colours }) => {
      const look = looks(experiment, colours);
      const color = parts ? { field: "part", type: "nominal", title: null, scale: { domain: parts, range: ["#0072b2", "#e69f00"] }, legend: { orient: "top" } }
        : { field: "method", type: "nominal", scale: look.color, legend: null };
      return {
        height: 22 * experiment.methods.length, data: { values: rows },
        mark: { type: "bar", tooltip: true },
        encoding: {
          y: { field: "method", type: "nominal", sort: experiment.methods.map((method) => method.name), title: null, axis: { labelLimit: 120 } },
          x: { field: value, type: "quantitative", title: axis, axis: { grid: true, tickCount: 5 } }, color,
          tooltip: [{ field: "method" }, ...(parts ? [{ field: "part" }] : []), { field: value, title: axis, format: ",.3~f" }],
        },
      };
    };
    return { id, title, caption, rows, spec };
  }

  // Where the importance lies, block by block.
  function importance(experiment) {
    const rows = experiment.methods.flatMap((method) => {
      const most = Math.max(...method.importance.map(({ mean }) => mean));
      return method.importance.map(({ block, mean }) => ({ method: method.name, block, mean: number(mean, 6), share: number(mean / most, 4) }));
    });
    const spec = ({ width, colours }) => {
      const look = looks(experiment, colours);
      const methods = experiment.methods.filter((method) => method.importance.length).map((method) => method.name);
      return {
        width: width - 140, height: Math.max(160, 16 * methods.length * new Set(rows.map((row) => row.block)).size),
        data: { values: rows }, mark: { type: "bar", tooltip: true },
        encoding: {
          y: { field: "block", type: "nominal", sort: null, title: null, axis: { labelLimit: 120 } },
          yOffset: { field: "method", sort: methods },
          x: { field: "share", type: "quantitative", title: "mean importance, as a share of the method's largest", axis: { tickCount: 5 } },
          color: { field: "method", type: "nominal", title: null, sort: methods, scale: look.color, legend: { orient: "top", columns: width > 500 ? 4 : 2, values: methods } },
          tooltip: [{ field: "method" }, { field: "block" }, { field: "mean", title: "mean importance", format: ".3~g" }],
        },
      };
    };
    return {
      id: "importance", title: "Importance per layer", rows, spec: rows.length ? spec : null, fixed: true,
      caption: "The mean importance of the parameters in each block, at the end, each method against its own largest, since the units of importances differ. Blocks with long bars are held; those with short ones are free to learn.",
    };
  }

  function time(experiment) {
    const against = experiment.methods.find((method) => method.name === together) ?? experiment.methods[0];
    const rows = experiment.methods.map((method) => ({
      method: method.name, times: number(method.metrics.seconds.mean / against.metrics.seconds.mean, 3), seconds: number(method.metrics.seconds.mean, 2),
    }));
    return bars(experiment, {
      id: "time", title: "Time", rows, value: "times", axis: `training time, in that of ${against.name}`,
      caption: "What it takes to learn the whole stream once. Joint training that is repeated after every task would take as many times more as there are tasks, on average half as long each.",
    });
  }

  function bytes(experiment) {
    const parts = ["state", "stored examples"];
    const rows = experiment.methods.flatMap((method) => [
      { method: method.name, part: parts[0], megabytes: number(method.state_bytes / 1e6, 4) },
      { method: method.name, part: parts[1], megabytes: number(method.memory_bytes / 1e6, 4) },
    ]);
    return bars(experiment, {
      id: "bytes", title: "Memory", rows, value: "megabytes", axis: "MB beside parameters and gradient", parts,
      caption: "What a method keeps between steps: importances, anchors, the optimizer's moments, teachers (state), and stored examples. Joint training keeps all examples of all tasks, which are not counted here.",
    });
  }

  return (experiment) => (experiment.kind === "sweep" ? [strengths] : [curve, tradeoff, matrices, surface, importance, time, bytes]).map((make) => make(experiment)).filter((figure) => figure.spec);
})();

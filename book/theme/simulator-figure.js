// A run of the simulator as a figure, as tables and in words: HTML as text, from nothing but the run's result.
((simulator) => {
    "use strict";

    const OUTCOMES = [
        { key: "accepted", name: "accepted", status: "200" },
        { key: "refused", name: "refused", status: "503" },
        { key: "timedOut", name: "timed out", status: "504" },
    ];
    const MARGIN = { left: 52, right: 14 };
    const PANEL = { title: 22, height: 84, gap: 14 };
    const AXIS = 34;

    // Three panels over one axis of time: the line, the answers of each second, the latency of the accepted. The legend
    // stands above. `width` is in CSS pixels, `id` tells the figures of a page apart. What the run has not come to yet
    // is hidden by narrowing the `rect` of the class `overload-shown`.
    simulator.figure = (result, { width, id }) => {
        const { parameters, rows, looks } = result;
        const { capacity } = simulator.theory(parameters);
        const { seconds, queue } = parameters;
        const inner = width - MARGIN.left - MARGIN.right;
        const x = (second) => MARGIN.left + (second / seconds) * inner;
        const shown = rows.slice(0, seconds);

        const answered = (row) => row.accepted + row.refused + row.timedOut;
        const panels = [
            {
                title: "Waiting in the queue",
                highest: Math.max(queue, 1),
                mark: { at: queue, name: `${queue} ${queue === 1 ? "place" : "places"}` },
                draw: (y) => area(looks.map((look) => [x(look.at), y(look.waiting)]), y(0)),
            },
            {
                title: "Answers a second",
                highest: rounded(Math.max(capacity * 1.1, ...shown.map(answered))),
                mark: { at: capacity, name: `capacity ${figures(capacity)}` },
                draw: (y) => shown.map((row, second) => bars(row, x(second), x(second + 1), y, id)).join(""),
            },
            {
                title: "Latency: median, longest (dashed)",
                highest: rounded(Math.max(1, ...shown.map((row) => row.longestMs ?? 0))),
                unit: duration,
                draw: (y) =>
                    curve(shown, "medianMs", "overload-median", x, y) + curve(shown, "longestMs", "overload-longest", x, y),
            },
        ];
        const each = PANEL.title + PANEL.height + PANEL.gap;
        const drawn = panels.map((panel, index) => {
            const top = index * each + PANEL.title;
            return drawnPanel(panel, top, width, `overload-${id}-shown`);
        });
        const bottom = panels.length * each - PANEL.gap;
        const height = bottom + AXIS;
        return (
            `<figure class="overload-figure">${legend()}` +
            `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${simulator.summary(result)}">` +
            `<defs>${patterns(id)}<clipPath id="overload-${id}-shown"><rect class="overload-shown" x="${MARGIN.left}" y="0" ` +
            `width="${inner}" height="${height}"></rect></clipPath></defs>` +
            `${drawn.join("")}${timeAxis(seconds, x, bottom, width)}</svg></figure>`
        );
    };

    function drawnPanel({ title, highest, mark, unit = figures, draw }, top, width, clip) {
        const y = (value) => rounding(top + PANEL.height * (1 - value / highest));
        const right = width - MARGIN.right;
        const line = (name, height) =>
            `<line class="${name}" x1="${MARGIN.left}" x2="${right}" y1="${height}" y2="${height}"></line>`;
        const marked =
            mark === undefined
                ? ""
                : line("overload-mark-ground", y(mark.at)) +
                  line("overload-mark", y(mark.at)) +
                  `<text x="${right}" y="${top - 7}" text-anchor="end">┄ ${mark.name}</text>`;
        return (
            `<text class="overload-title" x="${MARGIN.left}" y="${top - 7}">${title}</text>` +
            line("overload-axis", y(0)) +
            `<text x="${MARGIN.left - 6}" y="${y(0)}" text-anchor="end">0</text>` +
            `<text x="${MARGIN.left - 6}" y="${y(highest) + 9}" text-anchor="end">${unit(highest)}</text>` +
            `<g clip-path="url(#${clip})">${draw(y)}</g>${marked}`
        );
    }

    function area(points, floor) {
        const [first, last] = [points[0], points[points.length - 1]];
        const path = points.map(([px, py]) => `${rounding(px)},${py}`).join("L");
        return (
            `<path class="overload-waiting" d="M${rounding(first[0])},${floor}L${path}` +
            `L${rounding(last[0])},${floor}Z"></path>`
        );
    }

    function bars(row, from, to, y, id) {
        let below = 0;
        const bar = ({ key }) => {
            const [bottom, top] = [y(below), y(below + row[key])];
            below += row[key];
            const place = `x="${rounding(from)}" y="${top}" width="${rounding(to - from)}" height="${rounding(bottom - top)}"`;
            return bottom === top ? "" : `<rect class="overload-bar" ${place} fill="url(#overload-${id}-${key})"></rect>`;
        };
        return OUTCOMES.map(bar).join("");
    }

    // A line through the middles of the seconds, broken where a second has no value.
    function curve(rows, key, name, x, y) {
        let pen = "M";
        const path = rows.map((row, second) => {
            const step = row[key] === null ? "" : `${pen}${rounding(x(second + 0.5))},${y(row[key])}`;
            pen = row[key] === null ? "M" : "L";
            return step;
        });
        return `<path class="${name}" d="${path.join("")}"></path>`;
    }

    // Told apart without colour too: full, striped, dotted.
    function patterns(id) {
        const marks = {
            accepted: `<rect width="6" height="6"></rect>`,
            refused: `<path d="M-1.5,1.5L1.5,-1.5M0,6L6,0M4.5,7.5L7.5,4.5"></path>`,
            timedOut: `<circle cx="1.5" cy="1.5" r="1.5"></circle><circle cx="4.5" cy="4.5" r="1.5"></circle>`,
        };
        return Object.entries(marks)
            .map(
                ([key, mark]) =>
                    `<pattern id="overload-${id}-${key}" class="overload-${key}" width="6" height="6" ` +
                    `patternUnits="userSpaceOnUse">${mark}</pattern>`,
            )
            .join("");
    }

    function timeAxis(seconds, x, bottom, width) {
        const step = rounded(seconds / (width < 480 ? 4 : 8), [1, 2, 5, 10]);
        const ticks = [];
        for (let second = 0; second <= seconds; second += Math.max(1, step)) {
            ticks.push(`<text x="${rounding(x(second))}" y="${bottom + 15}" text-anchor="middle">${second}</text>`);
        }
        const name = `<text x="${rounding(x(seconds / 2))}" y="${bottom + 30}" text-anchor="middle">time, seconds</text>`;
        return ticks.join("") + name;
    }

    function legend() {
        const entry = ({ key, name, status }) =>
            `<li><span class="overload-swatch overload-${key}"></span>${name} (${status})</li>`;
        return `<ul class="overload-legend">${OUTCOMES.map(entry).join("")}</ul>`;
    }

    // What happened to how many, beside what theory says. `until` is a second within the run, or null at its end.
    simulator.totalsTable = (result, until = null) => {
        const { parameters, totals, settled, rows } = result;
        const theory = simulator.theory(parameters);
        const soFar = until === null ? totals : sum(rows.slice(0, until));
        const later = (text) => (until === null ? text : "…");
        const row = ({ key, name }) =>
            `<tr><th scope="row">${name}</th><td>${soFar[key]}</td><td>${share(soFar[key], soFar.arrivals)}</td>` +
            `<td>${later(share(settled[key], settled.arrivals))}</td>` +
            `<td>${key === "accepted" ? percent(1 - theory.loss) : percent(theory[key])}</td></tr>`;
        return (
            `<table class="overload-totals"><caption>What became of the requests</caption><thead><tr><th scope="col">outcome</th>` +
            `<th scope="col">requests</th><th scope="col">${until === null ? "whole run" : "so far"}</th>` +
            `<th scope="col">second half</th><th scope="col">theory</th></tr></thead><tbody>${OUTCOMES.map(row).join("")}` +
            `<tr><th scope="row">all that arrived</th><td>${soFar.arrivals}</td><td></td><td></td>` +
            `<td>load ρ ${theory.load.toFixed(2)}</td></tr></tbody></table>`
        );
    };

    // The run second by second; `until` as above.
    simulator.secondsTable = (result, until = null) => {
        const { rows, parameters } = result;
        const cell = (row, second) =>
            `<tr><th scope="row">${second < parameters.seconds ? second + 1 : "later"}</th><td>${row.arrivals}</td>` +
            `<td>${row.accepted}</td><td>${row.refused}</td><td>${row.timedOut}</td><td>${row.waiting}</td>` +
            `<td>${duration(row.medianMs)}</td><td>${duration(row.longestMs)}</td></tr>`;
        const columns = ["second", "arrived", "accepted", "refused", "timed out", "in queue", "median", "longest"];
        const shown = until === null ? rows : rows.slice(0, until);
        return (
            `<table class="overload-seconds"><caption>Second by second</caption><thead><tr>` +
            `${columns.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>` +
            `<tbody>${shown.map(cell).join("")}</tbody></table>`
        );
    };

    // The finished run in words.
    simulator.summary = ({ parameters, totals, firstFailure }) => {
        const { load, capacity, loss } = simulator.theory(parameters);
        const failed =
            firstFailure === null
                ? "No request failed."
                : `${totals.refused} refused and ${totals.timedOut} timed out, ${percent(totals.loss)} in all, ` +
                  `the first after ${firstFailure.toFixed(1)} s.`;
        const latency =
            totals.medianMs === null
                ? ""
                : ` Latency of the accepted: median ${duration(totals.medianMs)}, longest ${duration(totals.longestMs)}.`;
        return (
            `${totals.arrivals} requests in ${parameters.seconds} s, ${figures(parameters.arrivalRate)} a second at a ` +
            `capacity of ${figures(capacity)} (ρ = ${load.toFixed(2)}): ${totals.accepted} accepted. ${failed}${latency} ` +
            `Theory expects a loss of ${percent(loss)}.`
        );
    };

    const sum = (rows) =>
        rows.reduce(
            (one, row) => ({
                arrivals: one.arrivals + row.arrivals,
                accepted: one.accepted + row.accepted,
                refused: one.refused + row.refused,
                timedOut: one.timedOut + row.timedOut,
            }),
            { arrivals: 0, accepted: 0, refused: 0, timedOut: 0 },
        );
    const percent = (part) => (part === null ? "–" : `${(100 * part).toFixed(1)}\u00a0%`);
    const share = (part, all) => percent(all === 0 ? null : part / all);
    const duration = (ms) => {
        if (ms === null) return "–";
        return ms < 1000 ? `${ms.toFixed(0)}\u00a0ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)}\u00a0s`;
    };
    const figures = (value) => String(Number(value.toPrecision(3)));
    const rounding = (value) => Math.round(value * 10) / 10;
    // The next of these steps, times a power of ten.
    const rounded = (value, steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) => {
        const power = 10 ** Math.floor(Math.log10(value));
        return steps.map((step) => step * power).find((step) => step >= value * (1 - 1e-9));
    };
})((window.OverloadSimulator ??= {}));

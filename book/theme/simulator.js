// Puts a playable simulator into each `<div class="overload-simulator">` of a page. Start values are data attributes
// named as the model's parameters: `data-arrival-rate="150"`. What the element holds stays as it is without scripts.
((simulator) => {
    "use strict";

    const NUMBERS = [
        { name: "arrivalRate", label: "Arrivals a second (λ)", min: 1, max: 1000, step: "any" },
        { name: "servers", label: "Workers (c)", min: 1, max: 64 },
        { name: "serviceMs", label: "Service time, ms", min: 1, max: 1000 },
        { name: "queue", label: "Places in the queue", min: 0, max: 5000 },
        { name: "timeoutMs", label: "Timeout in the queue, ms", min: 0, max: 60000 },
        { name: "seconds", label: "Length of the run, s", min: 10, max: 600 },
        { name: "seed", label: "Seed of chance", min: 0, max: 999999 },
    ];
    const CHOICES = [
        { name: "arrivals", label: "Arrivals come", options: { random: "at random", even: "evenly" } },
        { name: "services", label: "Services last", options: { random: "at random", even: "equally long" } },
        {
            name: "abandoned",
            label: "Who timed out",
            options: { dropped: "leaves the queue", served: "is served all the same" },
        },
    ];
    // Simulated seconds a second; 0 shows the end at once.
    const SPEEDS = { 1: "as in life", 10: "10 times faster", 40: "40 times faster", 0: "the end at once" };
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

    class Page {
        constructor(root, id) {
            this.root = root;
            this.id = id;
            const start = { ...simulator.defaults };
            for (const { name } of NUMBERS) {
                if (name in root.dataset) start[name] = Number(root.dataset[name]);
            }
            for (const { name } of CHOICES) start[name] = root.dataset[name] ?? start[name];
            root.innerHTML = frame(id, start);
            this.form = root.querySelector("form");
            const part = (name) => root.querySelector(`.overload-${name}`);
            this.parts = {
                now: part("now"),
                picture: part("picture"),
                summary: part("summary"),
                totals: part("totals-box"),
                seconds: part("seconds-box"),
            };
            this.listen();
            this.compute();
            this.finish();
        }

        listen() {
            // The book turns its pages with the arrow keys and searches with letters: not from in here.
            this.root.addEventListener("keydown", (event) => event.stopPropagation());
            this.form.addEventListener("submit", (event) => {
                event.preventDefault();
                this.run();
            });
            this.form.elements.pause.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
            this.form.elements.again.addEventListener("click", () => {
                const { seed } = this.form.elements;
                seed.value = (Number(seed.value) + 1) % (Number(seed.max) + 1);
                if (this.form.reportValidity()) this.run();
            });
            window.addEventListener("beforeprint", () => this.finish());
            calm.addEventListener("change", () => calm.matches && this.finish());
            new ResizeObserver(() => this.draw()).observe(this.parts.picture);
        }

        run() {
            this.compute();
            this.parts.summary.textContent = "Running.";
            const speed = Number(this.form.elements.speed.value);
            if (calm.matches || speed === 0) this.finish();
            else {
                this.clock = 0;
                this.show();
                this.play();
            }
        }

        compute() {
            const values = new FormData(this.form);
            const given = {};
            for (const { name } of NUMBERS) given[name] = Number(values.get(name));
            for (const { name } of CHOICES) given[name] = values.get(name);
            this.result = simulator.run(given);
            this.width = 0;
            this.clock = given.seconds;
            this.draw();
        }

        play() {
            let last = performance.now();
            const step = (now) => {
                this.clock += ((now - last) / 1000) * Number(this.form.elements.speed.value);
                last = now;
                if (this.clock >= this.result.parameters.seconds || this.form.elements.speed.value === "0") this.finish();
                else {
                    this.timer = requestAnimationFrame(step);
                    this.show();
                }
            };
            this.timer = requestAnimationFrame(step);
            this.buttons();
        }

        pause() {
            cancelAnimationFrame(this.timer);
            this.timer = null;
            this.buttons();
        }

        finish() {
            cancelAnimationFrame(this.timer);
            this.timer = null;
            this.clock = this.result.parameters.seconds;
            this.parts.summary.textContent = simulator.summary(this.result);
            this.show();
            this.buttons();
        }

        buttons() {
            const { pause } = this.form.elements;
            const isOver = this.clock >= this.result.parameters.seconds;
            pause.disabled = isOver;
            pause.textContent = this.timer || isOver ? "Pause" : "Go on";
        }

        // The figure anew, at the width that it has now.
        draw() {
            const width = Math.max(280, Math.floor(this.parts.picture.clientWidth));
            if (width === this.width) return;
            this.width = width;
            this.parts.picture.innerHTML = simulator.figure(this.result, { width, id: this.id });
            this.shown = this.parts.picture.querySelector(".overload-shown");
            this.fullWidth = Number(this.shown.getAttribute("width"));
            this.show();
        }

        // The run as it stands at the clock.
        show() {
            const { parameters, looks } = this.result;
            const isOver = this.clock >= parameters.seconds;
            const part = Math.min(1, this.clock / parameters.seconds);
            this.shown.setAttribute("width", this.fullWidth * part);
            const { waiting, busy } = looks[Math.floor(part * (looks.length - 1))];
            this.parts.now.textContent =
                `${Math.min(this.clock, parameters.seconds).toFixed(1)} s: ${busy} of ${parameters.servers} workers busy, ` +
                `${waiting} of ${parameters.queue} places taken`;
            const second = isOver ? null : Math.floor(this.clock);
            if (second !== null && second === this.shownSecond) return;
            this.shownSecond = second;
            this.parts.totals.innerHTML = simulator.totalsTable(this.result, second);
            this.parts.seconds.innerHTML = simulator.secondsTable(this.result, second);
        }
    }

    function frame(id, start) {
        const field = (name, label, control) =>
            `<div class="overload-field"><label for="overload-${id}-${name}">${label}</label>${control}</div>`;
        const number = ({ name, label, min, max, step = 1 }) =>
            field(
                name,
                label,
                `<input type="number" id="overload-${id}-${name}" name="${name}" min="${min}" max="${max}" step="${step}" ` +
                    `value="${start[name]}" required>`,
            );
        const choice = ({ name, label, options }, chosen) => {
            const option = ([value, text]) =>
                `<option value="${value}"${value === String(chosen) ? " selected" : ""}>${text}</option>`;
            const all = Object.entries(options).map(option).join("");
            return field(name, label, `<select id="overload-${id}-${name}" name="${name}">${all}</select>`);
        };
        const speed = choice({ name: "speed", label: "Speed", options: SPEEDS }, 10);
        return (
            `<form class="overload-controls" aria-label="Settings of the simulator"><div class="overload-fields">` +
            `${NUMBERS.map(number).join("")}${CHOICES.map((one) => choice(one, start[one.name])).join("")}${speed}</div>` +
            `<div class="overload-buttons"><button type="submit" name="run">Run</button>` +
            `<button type="button" name="pause" disabled>Pause</button>` +
            `<button type="button" name="again">Again, with the next seed</button></div></form>` +
            `<p class="overload-now" aria-hidden="true"></p><div class="overload-picture"></div>` +
            `<p class="overload-summary" role="status" aria-live="polite"></p>` +
            `<div class="overload-totals-box"></div>` +
            `<div class="overload-seconds-box" role="region" aria-label="The run second by second" tabindex="0"></div>`
        );
    }

    document.querySelectorAll(".overload-simulator").forEach((root, id) => new Page(root, id + 1));
})((window.OverloadSimulator ??= {}));

// The model of the simulator: an open load, equal servers behind one bounded first-come-first-served line. Pure:
// equal parameters give an equal result, to the last bit.
((simulator) => {
    "use strict";

    // What holds for a parameter that is not given.
    const defaults = Object.freeze({
        arrivalRate: 80, // a second
        arrivals: "random", // Poisson; or "even"
        servers: 4,
        serviceMs: 40, // the mean
        services: "random", // exponential; or "even"
        queue: 50, // places in the line; those in service are not in it
        timeoutMs: 10000, // the longest wait in the line; null for no limit
        abandoned: "dropped", // a request whose client gave up leaves the line; or is "served" all the same
        seconds: 120, // requests arrive for so long; those in the line then are still answered
        seed: 7,
    });

    const least = { arrivalRate: 0.1, servers: 1, serviceMs: 1, queue: 0, timeoutMs: 0, seconds: 1, seed: 0 };
    const whole = ["servers", "queue", "seconds", "seed"];
    const choices = { arrivals: ["random", "even"], services: ["random", "even"], abandoned: ["dropped", "served"] };

    // Simulates one run. Gives
    //   parameters   those given, and the defaults of those not given
    //   totals       {arrivals, accepted, refused, timedOut, loss, medianMs, longestMs}: each arrival has one outcome;
    //                the loss is a share from 0 to 1, the latencies are of the accepted, from arrival to answer
    //   settled      the same of the second half's arrivals alone
    //   firstFailure the moment in seconds at which a request was first refused or timed out; null if none was
    //   rows         one a second: {arrivals, accepted, refused, timedOut, medianMs, longestMs, waiting}, outcomes in the
    //                second of the answer, the line as it is at the second's end. One more holds what is answered later
    //   looks        {at, waiting, busy} at equal distances, the first at 0, the last at the end of the arrivals
    // Shares and latencies of nothing are null. Throws a RangeError that names the parameter which makes no sense.
    function run(given = {}) {
        const parameters = checked({ ...defaults, ...given });
        const { queue, seconds } = parameters;
        const timeout = parameters.timeoutMs === null ? Infinity : parameters.timeoutMs / 1000;
        const isServed = (inTime) => inTime || parameters.abandoned === "served";

        const line = emptyLine();
        const freeAt = new Array(parameters.servers).fill(0);
        const looks = [];
        const looksASecond = Math.max(1, Math.round(300 / seconds));
        const lookUntil = (moment) => {
            for (let at = looks.length / looksASecond; at <= Math.min(moment, seconds); at = looks.length / looksASecond) {
                looks.push({ at, waiting: line.lengthAt(at), busy: freeAt.filter((free) => free > at).length });
            }
        };

        const rows = Array.from({ length: seconds + 1 }, emptyTally);
        const [all, late] = [emptyTally(), emptyTally()];
        let firstFailure = null;
        const answer = (outcome, arrival, moment) => {
            const row = rows[Math.min(Math.floor(moment), seconds)];
            const tallies = arrival < seconds / 2 ? [row, all] : [row, all, late];
            for (const tally of tallies) {
                tally[outcome] += 1;
                if (outcome === "accepted") tally.latencies.push((moment - arrival) * 1000);
            }
            if (outcome !== "accepted" && (firstFailure === null || moment < firstFailure)) firstFailure = moment;
        };

        // First come, first served: what becomes of a request depends on those before it alone, so it is known when it
        // arrives.
        for (const { arrival, service } of requests(parameters)) {
            lookUntil(arrival);
            rows[Math.floor(arrival)].arrivals += 1;
            const server = freeAt.indexOf(Math.min(...freeAt));
            const start = Math.max(arrival, freeAt[server]);
            if (start > arrival && line.lengthAt(arrival) >= queue) {
                answer("refused", arrival, arrival);
                continue;
            }
            const inTime = start - arrival <= timeout;
            if (isServed(inTime)) freeAt[server] = start + service;
            if (start > arrival) line.push(isServed(inTime) ? start : arrival + timeout);
            if (inTime) answer("accepted", arrival, start + service);
            else answer("timedOut", arrival, arrival + timeout);
        }
        lookUntil(seconds);

        return {
            parameters,
            totals: summed(all),
            settled: summed(late),
            firstFailure,
            rows: rows.map(({ latencies, ...counts }, second) => ({
                ...counts,
                ...spread(latencies),
                waiting: second < seconds ? looks[(second + 1) * looksASecond].waiting : 0,
            })),
            looks,
        };
    }

    function checked(parameters) {
        const refuse = (name, why) => {
            throw new RangeError(`${name}: ${parameters[name]} ${why}`);
        };
        for (const name of Object.keys(parameters)) {
            if (!(name in defaults)) refuse(name, "is no parameter");
        }
        for (const [name, atLeast] of Object.entries(least)) {
            const value = parameters[name];
            if (name === "timeoutMs" && value === null) continue;
            if (!Number.isFinite(value) || value < atLeast) refuse(name, `must be a number of at least ${atLeast}`);
            if (whole.includes(name) && !Number.isInteger(value)) refuse(name, "must be a whole number");
        }
        for (const [name, possible] of Object.entries(choices)) {
            if (!possible.includes(parameters[name])) refuse(name, `must be ${possible.join(" or ")}`);
        }
        return parameters;
    }

    // The requests of a run in their order. Arrivals and services have a stream of chance each, and one service is drawn
    // for each arrival: runs with other servers, lines or timeouts meet the very same requests.
    function* requests({ arrivalRate, arrivals, serviceMs, services, seconds, seed }) {
        const [coming, working] = [random(2 * seed), random(2 * seed + 1)];
        const exponential = (next) => -Math.log(1 - next());
        let passed = 0;
        for (let n = 0; ; n += 1) {
            if (arrivals === "random") passed += exponential(coming);
            const arrival = (arrivals === "random" ? passed : n) / arrivalRate;
            if (arrival >= seconds) return;
            const service = (services === "random" ? exponential(working) : 1) * (serviceMs / 1000);
            yield { arrival, service };
        }
    }

    // The moments at which requests leave the line. They leave in the order of their coming, also those who give up.
    function emptyLine() {
        const leaves = [];
        let gone = 0;
        return {
            push: (leave) => leaves.push(leave),
            // Moments must be asked for in their order.
            lengthAt(moment) {
                while (gone < leaves.length && leaves[gone] <= moment) gone += 1;
                return leaves.length - gone;
            },
        };
    }

    const emptyTally = () => ({ arrivals: 0, accepted: 0, refused: 0, timedOut: 0, latencies: [] });

    function summed({ accepted, refused, timedOut, latencies }) {
        const arrivals = accepted + refused + timedOut;
        const loss = arrivals === 0 ? null : (refused + timedOut) / arrivals;
        return { arrivals, accepted, refused, timedOut, loss, ...spread(latencies) };
    }

    function spread(latencies) {
        const sorted = Float64Array.from(latencies).sort();
        const at = (index) => (sorted.length === 0 ? null : sorted[index]);
        return { medianMs: at(Math.floor(sorted.length / 2)), longestMs: at(sorted.length - 1) };
    }

    // Uniform numbers in [0, 1) from a seed: sfc32, C. Doty-Humphrey's generator from PractRand.
    function random(seed) {
        let [a, b, c, counter] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b9, 1];
        const next = () => {
            const sum = (a + b + counter) >>> 0;
            counter = (counter + 1) >>> 0;
            a = b ^ (b >>> 9);
            b = (c + (c << 3)) >>> 0;
            c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
            return sum / 2 ** 32;
        };
        for (let round = 0; round < 20; round += 1) next();
        return next;
    }

    Object.assign(simulator, { defaults, run });
})((window.OverloadSimulator ??= {}));

// What queueing theory says of the simulator's parameters, in the long run.
((simulator) => {
    "use strict";

    // Gives {load, capacity, fullLineMs, model, refused, timedOut, loss}: the load ρ = λ/(cμ), the capacity cμ a second,
    // how long one waits who takes the last place of the line, the name of the model, and the shares of the arrivals
    // that are refused, time out and are lost, from 0 to 1.
    //
    // With Poisson arrivals and exponential services the shares are exact. Otherwise the loss is the bound 1 − 1/ρ that
    // no line can better, exact when everything is even; and `refused` and `timedOut` are null.
    simulator.theory = (parameters) => {
        const { arrivalRate, arrivals, servers, serviceMs, services, queue } = parameters;
        const capacity = (servers * 1000) / serviceMs;
        const load = arrivalRate / capacity;
        const known = { load, capacity, fullLineMs: (queue * 1000) / capacity };
        if (arrivals === "random" && services === "random") return { ...known, ...exact(parameters, load, capacity) };
        return { ...known, model: "1 − 1 ÷ ρ", refused: null, timedOut: null, loss: Math.max(0, 1 - 1 / load) };
    };

    // M/M/c/K is a birth-death chain (Kleinrock, "Queueing Systems", volume 1, chapter 3): with n in the system the
    // probabilities grow by λ/(μ·min(n, c)) from one n to the next, and who arrives at K is refused.
    //
    // When those who have waited T leave the line, the state with j in the line has its M/M/c/K weight times P(N ≥ j),
    // N the services that c servers finish in T, Poisson of mean cμT (Brandt and Brandt, "On the M(n)/M(m)/s queue with
    // impatient calls", Performance Evaluation 35, 1999). When they stay and are served, the states are those of
    // M/M/c/K, and one who finds j in the line times out when fewer than j + 1 services end in T.
    function exact({ servers, queue, timeoutMs, abandoned }, load, capacity) {
        const inTime = timeoutMs === null ? Infinity : (capacity * timeoutMs) / 1000;
        const isDropped = abandoned === "dropped" && inTime < Infinity;
        const enough = atLeast(inTime, queue);
        const weights = [0];
        for (let n = 1; n <= servers; n += 1) weights.push(weights[n - 1] + Math.log((load * servers) / n));
        for (let j = 1; j <= queue; j += 1) {
            weights.push(weights[servers] + j * Math.log(load) + (isDropped ? enough[j] : 0));
        }
        const highest = weights.reduce((one, other) => Math.max(one, other));
        const sum = weights.reduce((total, weight) => total + Math.exp(weight - highest), 0);
        const share = weights.map((weight) => Math.exp(weight - highest) / sum);

        const refused = share[servers + queue];
        const name = isDropped ? "M/M/c/K, deadline T" : "M/M/c/K";
        if (isDropped) {
            const busy = share.reduce((total, p, n) => total + p * Math.min(n, servers), 0);
            const loss = Math.max(refused, 1 - busy / (load * servers));
            return { model: name, refused, timedOut: loss - refused, loss };
        }
        let timedOut = 0;
        for (let j = 0; j < queue; j += 1) timedOut += share[servers + j] * -Math.expm1(enough[j + 1]);
        return { model: name, refused, timedOut, loss: refused + timedOut };
    }

    // ln P(N ≥ j) for j from 0 to `last`, N Poisson of this mean. Summed from the far end: each value is exact in
    // relation to itself, however small.
    function atLeast(mean, last) {
        const tails = new Array(last + 1).fill(0);
        if (mean === 0) return tails.fill(-Infinity, 1);
        if (mean > 2 * last + 2000) return tails; // each is 1, to the last bit
        const far = Math.max(mean, last);
        let factorial = 0;
        const terms = [-mean];
        for (let n = 1; n <= far + 40 * Math.sqrt(far) + 40; n += 1) {
            factorial += Math.log(n);
            terms.push(n * Math.log(mean) - mean - factorial);
        }
        let tail = -Infinity;
        for (let n = terms.length - 1; n >= 0; n -= 1) {
            const [large, small] = tail > terms[n] ? [tail, terms[n]] : [terms[n], tail];
            tail = large + Math.log1p(Math.exp(small - large));
            if (n <= last) tails[n] = Math.min(tail, 0);
        }
        return tails;
    }
})((window.OverloadSimulator ??= {}));

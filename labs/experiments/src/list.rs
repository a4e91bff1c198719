//! The experiments, in the order of the text.

use testbed::images::Service;

use crate::Body::{Alone, Beside};
use crate::{
    Experiment, closed_versus_open, cpu_bound, five_timeouts, io_bound, kill_9, longer_queue, longer_timeout,
    more_instances, more_threads, moved_broker, one_host, redundancy, retry_storm, shifting_pages, stampede,
    young_queue,
};

/// All experiments, in the order of the text.
pub const EXPERIMENTS: [Experiment; 16] = [
    Experiment {
        name: "cpu-bound",
        shows: "more hashes a second than the cores can compute: where it starts to fail",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(cpu_bound::run(bed))),
    },
    Experiment {
        name: "io-bound",
        shows: "more inserts a second than a pool of connections can carry: who is refused",
        lab: "01",
        needs: &[Service::Postgres],
        body: Alone(|bed| Box::pin(io_bound::run(bed))),
    },
    Experiment {
        name: "longer-queue",
        shows: "a queue ten times as long: the failure comes later, and the loss stays",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(longer_queue::run(bed))),
    },
    Experiment {
        name: "more-threads",
        shows: "2, 4, 8, 16 workers: who gains by them, and who does not",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(more_threads::run(bed))),
    },
    Experiment {
        name: "longer-timeout",
        shows: "250 ms, 1 s, 4 s of patience: the same loss, a longer wait",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(longer_timeout::run(bed))),
    },
    Experiment {
        name: "kill-9",
        shows: "SIGKILL with the line full: what was in memory, request by request",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(kill_9::run(bed))),
    },
    Experiment {
        name: "closed-versus-open",
        shows: "the same stall seen by a client that waits and by one that does not",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(closed_versus_open::run(bed))),
    },
    Experiment {
        name: "five-timeouts",
        shows: "five faults that look alike to a user, told apart by what is measured",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(five_timeouts::run(bed))),
    },
    Experiment {
        name: "retry-storm",
        shows: "a second of silence, and clients that ask again: who recovers, and who does not",
        lab: "00",
        needs: &[],
        body: Alone(|bed| Box::pin(retry_storm::run(bed))),
    },
    Experiment {
        name: "young-queue",
        shows: "SIGKILL to a broker: what it had confirmed, in queues of three ages",
        lab: "02",
        needs: &[Service::Postgres, Service::RabbitMq],
        body: Alone(|bed| Box::pin(young_queue::run(bed))),
    },
    Experiment {
        name: "redundancy",
        shows: "three brokers, one dies, then another: what is confirmed, and what is lost",
        lab: "02",
        needs: &[Service::Postgres],
        body: Alone(|bed| Box::pin(redundancy::run(bed))),
    },
    Experiment {
        name: "moved-broker",
        shows: "a broker that still holds messages is replaced: what is left in the old one",
        lab: "02",
        needs: &[Service::Postgres, Service::RabbitMq],
        body: Alone(|bed| Box::pin(moved_broker::run(bed))),
    },
    Experiment {
        name: "stampede",
        shows: "a page that is kept for a second: who reads it anew when it is old, and how often",
        lab: "03",
        needs: &[Service::Postgres, Service::RabbitMq],
        body: Beside("expiry-per-request", |bed, wrong| Box::pin(stampede::run(bed, wrong))),
    },
    Experiment {
        name: "shifting-pages",
        shows: "ten pages turned while posts come and go: what is seen twice, and what never",
        lab: "03",
        needs: &[Service::Postgres, Service::RabbitMq],
        body: Alone(|bed| Box::pin(shifting_pages::run(bed))),
    },
    Experiment {
        name: "more-instances",
        shows: "one to eight instances: each at its own pace, and with one lock for all",
        lab: "01",
        needs: &[Service::Postgres],
        body: Alone(|bed| Box::pin(more_instances::run(bed))),
    },
    Experiment {
        name: "one-host",
        shows: "proxy and broker on a host that dies: what fails, what waits, what is lost",
        lab: "04",
        needs: &[Service::Postgres, Service::RabbitMq],
        body: Alone(|bed| Box::pin(one_host::run(bed))),
    },
];

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::stack::{Plan, Zones};

const FILE: &str = r#"version: "3.8"
services:
  api-1:
    image: ${REGISTRY}/tiny   # ignored, as every key that nobody reads
    environment:
      DATABASE_URL: postgres://u:p@postgres:5432/posts?sslmode=disable
      AMQP_URL: amqp://guest:guest@rabbitmq/%2f
      METRICS: http://rabbitmq:15672/metrics
      PRICE: "5$$"
      RETRIES: 3
    deploy:
      replicas: 1
      placement: {constraints: [node.labels.seoul == true]}
    ulimits: {nofile: 128}
  api-3:
    environment: ["PEER=api-1:8080", "FRONT=nginx:80"]
    deploy: {placement: {constraints: ["node.labels.taiwan==true"]}}
  consumer:
    deploy: {placement: {constraints: [node.labels.tokyo == true]}}
    environment:
  nginx:
    environment:
      - API_1=api-1:8080
      - API_2=api-2:8080
      - WORKER_CONNECTIONS=1024
    ulimits:
      nofile:
        soft: 64
        hard: 4096
    deploy: {placement: {constraints: [node.labels.tokyo == true]}}
  postgres:
    deploy: {placement: {constraints: [node.labels.seoul == true]}}
  rabbitmq:
    deploy: {placement: {constraints: [node.labels.taiwan == true]}}
"#;

fn addr(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn layout() -> Layout {
    let far = Duration::from_millis(30);
    let zones = Zones::default().between("seoul", "tokyo", far).between("seoul", "taiwan", far);
    let database =
        Backend::of("postgres", "DATABASE_URL", addr(1), "postgres://own@${postgres}/own".to_owned());
    let broker = Backend::of("rabbitmq", "AMQP_URL", addr(2), "amqp://own@${rabbitmq}/own".to_owned());
    Layout::new(zones, "seoul")
        .machine("api-1", "seoul")
        .machine("api-2", "seoul")
        .machine("api-3", "taiwan")
        .process("consumer")
        .proxy("nginx")
        .server(database.fixed_in("seoul"))
        .server(broker)
        .worker_connections(20)
        .set("DEADLINE_MS", 500)
}

fn planned(text: &str) -> Result<Plan, DeployFault> {
    let layout = layout();
    Deploy::of(text, &layout)?.plan(&layout)
}

#[test]
fn a_file_becomes_a_plan() {
    let plan = planned(FILE).unwrap();
    let names: Vec<_> = plan.instances.iter().map(|one| (one.name.as_str(), one.zone.as_str())).collect();
    assert_eq!(names, [("api-1", "seoul"), ("api-3", "taiwan"), ("consumer", "tokyo")]);
    let told = |number: usize, name: &str| plan.instances[number].environment[name].clone();
    assert_eq!(told(0, "DATABASE_URL"), "postgres://own@${postgres}/own");
    assert_eq!(told(0, "AMQP_URL"), "amqp://own@${rabbitmq}/own");
    assert_eq!(told(0, "METRICS"), "http://${rabbitmq}/metrics");
    assert_eq!((told(0, "PRICE"), told(0, "RETRIES")), ("5$".to_owned(), "3".to_owned()));
    assert_eq!((told(1, "PEER"), told(1, "FRONT")), ("${api-1}".to_owned(), "${proxy}".to_owned()));
    assert_eq!(told(2, "DEADLINE_MS"), "500");
    assert_eq!(plan.instances[0].nofile, Some((128, 128)));

    let proxy = plan.proxy.unwrap();
    assert_eq!((proxy.zone.as_str(), proxy.nofile), ("tokyo", Some((64, 4096))));
    // An instance that is left out is as nginx would find it: not at all.
    let named = ["API_1", "API_2", "WORKER_CONNECTIONS"].map(|name| proxy.environment[name].as_str());
    assert_eq!(named, ["${api-1}", "api-2:8080", "20"]);
    let servers: Vec<_> =
        plan.servers.iter().map(|one| (one.name.as_str(), one.zone.as_str(), one.addr)).collect();
    assert_eq!(servers, [("postgres", "seoul", addr(1)), ("rabbitmq", "taiwan", addr(2))]);
}

#[test]
fn what_does_not_hold_is_named_with_its_service_and_its_line() {
    let api_1 = "placement: {constraints: [node.labels.seoul == true]}\n    ulimits";
    let wrong = [
        // The file.
        ("version: \"3.8\"\n", "", "there is no `version`: a Docker client of 20.10"),
        ("\"3.8\"", "3.8", "line 1: Docker refuses a `version` that is a number"),
        ("\"3.8\"", "\"2.4\"", "`version` is to be \"3.8\""),
        ("services:", "servers:", "there are no `services`"),
        ("  consumer:", "  worker:", "there is no service `consumer`"),
        ("  postgres:", "  db:", "there is no service `postgres`"),
        // What a value must not depend on.
        ("    ulimits: {nofile: 128}", "    env_file: .env", "line 14: the service `api-1` has `env_file`"),
        (
            "RETRIES: 3",
            "RETRIES: ${RETRIES:-3}",
            "line 10: the service `api-1` has a `$…` in `environment.RETRIES`",
        ),
        ("\"PEER=api-1:8080\"", "PEER=$PEER", "the service `api-3` has a `$…` in `environment.PEER`"),
        ("RETRIES: 3", "RETRIES:", "takes `RETRIES` from the shell"),
        ("\"PEER=api-1:8080\"", "PEER", "the service `api-3` takes `PEER` from the shell"),
        ("RETRIES: 3", "RETRIES: true", "has `RETRIES: true`, which Docker refuses without quotes"),
        ("RETRIES: 3", "RETRIES: [3]", "has a setting `RETRIES` that is no text"),
        ("RETRIES: 3", "RETRIES: &three 3", "`services.api-1.environment.RETRIES` has an anchor"),
        ("RETRIES: 3", "<<: {RETRIES: 3}", "`services.api-1.environment` has a merge key"),
        // Where it is.
        (api_1, "placement: {}\n    ulimits", "line 3: the service `api-1` is in no zone"),
        (
            "[node.labels.tokyo == true]",
            "[node.role == manager]",
            "`consumer` has the constraint `node.role == manager`",
        ),
        (
            "[node.labels.tokyo == true]",
            "[node.labels.tokyo != true]",
            "the constraint `node.labels.tokyo != true`",
        ),
        ("[node.labels.tokyo == true]", "node.labels.tokyo == true", "`constraints` that are no list"),
        (
            "[node.labels.tokyo == true]",
            "[node.labels.tokyo == true, node.labels.seoul == true]",
            "the service `consumer` is to be in tokyo and seoul at once",
        ),
        ("node.labels.tokyo", "node.labels.osaka", "the service `consumer` is in the zone `osaka`"),
        (
            "node.labels.taiwan==",
            "node.labels.seoul==",
            "api-3 is a machine in taiwan: it cannot be moved to seoul, only be left out",
        ),
        (
            "postgres:\n    deploy: {placement: {constraints: [node.labels.seoul",
            "postgres:\n    deploy: {placement: {constraints: [node.labels.tokyo",
            "postgres is in seoul: it cannot be moved to tokyo",
        ),
        // Whom it reaches, and what it may open.
        (
            "@postgres:5432",
            "@db:5432",
            "`api-1` has a `DATABASE_URL` that names the host `db`: it is to name `postgres`",
        ),
        ("amqp://guest:guest@rabbitmq/", "rabbitmq", "`AMQP_URL` that names the host ``"),
        // Who there is.
        (
            "  postgres:\n",
            "  visualizer:\n    image: visualizer\n  postgres:\n",
            "line 31: the service `visualizer` is none of api-1, api-2, api-3, consumer, nginx, postgres, rabbitmq",
        ),
        ("    ulimits: {nofile: 128}", "    extends: {service: api-3}", "the service `api-1` has `extends`"),
        ("nofile: 128", "nofile: many", "line 14: the service `api-1` has `ulimits.nofile` with `many`"),
        ("soft: 64", "soft: 8192", "a soft limit of 8192, above the hard one of 4096"),
        ("        hard: 4096\n", "", "the service `nginx` has `ulimits.nofile` without `soft` and `hard`"),
    ];
    for (from, to, words) in wrong {
        assert!(FILE.contains(from), "the file has no `{from}`");
        let said =
            planned(&FILE.replacen(from, to, 1)).map(|_| "it holds").map_err(|fault| fault.to_string());
        let said = said.map_or_else(|fault| fault, str::to_owned);
        assert!(said.contains(words) && said.starts_with("stack.yml"), "no `{words}` in `{said}`");
    }
}

#[test]
fn a_limit_that_not_every_machine_allows_is_refused_where_a_bound_is_set() {
    let bounded = layout().nofile_at_most(4096);
    assert!(Deploy::of(FILE, &bounded).is_ok());
    let high = FILE.replace("hard: 4096", "hard: 4097");
    assert!(Deploy::of(&high, &layout()).is_ok());
    let said = Deploy::of(&high, &bounded).unwrap_err().to_string();
    assert!(
        said.contains("the service `nginx` has `ulimits.nofile` of 4097: no limit is to be above 4096"),
        "{said}"
    );
    assert!(said.starts_with("stack.yml, line 21"), "{said}");
}

#[test]
fn as_many_connections_as_the_file_says_are_demanded_of_the_template() {
    let written = Layout { proxy_settings: BTreeMap::new(), ..layout() }.worker_connections_as_written();
    let demanded = |text: &str| {
        let plan = Deploy::of(text, &written).unwrap().plan(&written).unwrap();
        plan.proxy.unwrap().demands.worker_connections
    };
    assert_eq!(demanded(FILE), Some(1024));
    assert_eq!(demanded(&FILE.replace("WORKER_CONNECTIONS=1024", "WORKER_CONNECTIONS=many")), None);
}

#[test]
fn one_machine_at_least_is_left() {
    let at = |service: &str| FILE.find(&format!("  {service}:\n")).unwrap();
    assert!(planned(&[&FILE[..at("api-3")], &FILE[at("consumer")..]].concat()).is_ok());
    let none = [&FILE[..at("api-1")], &FILE[at("consumer")..]].concat();
    let said = planned(&none).unwrap_err().to_string();
    assert!(said.contains("none of the services api-1, api-2, api-3"), "{said}");
}

#[test]
fn a_folder_without_a_file_is_the_submissions_fault() {
    let said = Deploy::read(Path::new("/nonexistent"), &layout()).unwrap_err().to_string();
    assert!(said.contains("/nonexistent/stack.yml"), "{said}");
}

#[test]
fn a_setting_that_a_service_must_have_is_named() {
    let layout = layout().requires("api-1", "RETRIES", "3").requires("api-2", "RETRIES", "3");
    let refused = |text: &str| Deploy::of(text, &layout).err().map(|fault| fault.to_string());
    assert_eq!(refused(FILE), None);
    let says = |found: &str| {
        format!(
            "stack.yml, line 3: the service `api-1` has {found} in its `environment`: it is to be `RETRIES: 3`"
        )
    };
    assert_eq!(refused(&FILE.replace("RETRIES: 3", "RETRIES: 4")), Some(says("`RETRIES: 4`")));
    assert_eq!(refused(&FILE.replace("RETRIES: 3", "TRIES: 3")), Some(says("no `RETRIES`")));
}

//! What lab 04 promises, judged on this package's own program. The promises stand in `labs/promises`.

fn main() -> std::process::ExitCode {
    promises::verify("04", testbed::own_binary!())
}

//! What lab 05 promises, judged on this package's own program. The promises stand in `labs/promises`.

fn main() -> std::process::ExitCode {
    promises::verify("05", testbed::own_binary!())
}

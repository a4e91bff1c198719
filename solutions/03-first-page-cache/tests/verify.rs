//! What lab 03 promises, judged on this package's own program. The promises stand in `labs/promises`.

fn main() -> std::process::ExitCode {
    promises::verify("03", testbed::own_binary!())
}

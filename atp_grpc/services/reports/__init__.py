"""Reading reports and writing acknowledgements as bytes: a contract, a reference and Rust."""

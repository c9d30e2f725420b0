//! Developer tasks.
fn main() {
    print!("{}", msapp_crds::manifest());
}

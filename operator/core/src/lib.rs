//! The pure core of msapp: spec → graph → objects → plan → status.
//!
//! Nothing here knows a client, a runtime, a clock, an environment or randomness; time and everything that was
//! read from a cluster are passed in. `render`, `check`, the status view and the controller call the same functions:
//!
//! ```text
//! Source ──► graph::resolve ─► App | Violations ──────────────────────┐
//!                │                                                     │
//!          build::objects(&App) ─► DesiredSet   (total)                │
//!                │                                                     │
//!          plan::plan(&App, DesiredSet, &Observed) ─► Plan             ▼
//!                └────────── (applied by the controller) ─► status::status(..) ─► MicroserviceAppStatus
//! ```

pub mod build;
pub mod claim;
pub mod desired;
pub mod difference;
pub mod digest;
pub mod explain;
pub mod fields;
pub mod graph;
pub mod impact;
pub mod labels;
pub mod name;
pub mod observed;
pub mod picture;
pub mod plan;
pub mod policy;
pub mod reference;
pub mod scalar;
pub mod schema;
pub mod source;
pub mod status;
pub mod violation;
pub mod why;

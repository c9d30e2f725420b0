//! The operator against a real API server, as the ServiceAccount of the chart.

mod apps;
mod conflicts;
mod creation;
mod edits;
mod history;
mod idle;
mod leadership;
mod live;
mod manifests;
mod modes;
mod order;
mod quantities;
mod repair;
mod scaling;
mod secrets;
mod tally;

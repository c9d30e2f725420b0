//! The operator against a real API server, as the ServiceAccount of the chart.

mod apps;
mod bad_input;
mod causes;
mod conflicts;
mod creation;
mod definition;
mod edits;
mod idle;
mod leadership;
mod live;
mod manifests;
mod modes;
mod obstacles;
mod order;
mod plan;
mod provisioned;
mod quantities;
mod repair;
mod samples;
mod scaling;
mod secrets;
mod size;
mod tally;
mod unprotected;
mod verdicts;
mod why;

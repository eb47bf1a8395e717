// Package cluster runs a lab of several nodes under load and faults: PostgreSQL, three igc serve,
// HAProxy before them. Clients write down what they ask and what they are answered, and a checker
// holds this history to what a lab promises.
// It holds tests only.
package cluster

"""HTTP: the collector, the API and the customers' pages."""

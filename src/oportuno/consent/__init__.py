"""May we speak? Consent, wishes, suppression, and the gate: the only maker of Permits."""

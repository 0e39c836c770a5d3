"""The pages that customers see: why, answers, leaving, the cart. They work without a script, and opening one changes nothing."""

"""The command `mappedram`: one module per verb. The only place that prints or exits."""

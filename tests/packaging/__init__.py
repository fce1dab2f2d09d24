"""What is built for others: its contents; whether it can be installed and used."""

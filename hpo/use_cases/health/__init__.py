"""Looking at a training from outside: short trainings on a few rows, and what they show."""

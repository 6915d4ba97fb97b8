"""Completes a recipe from what a user gives, with the reasons for every choice."""

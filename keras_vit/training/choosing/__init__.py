"""From what a user gives to a whole recipe, with the reasons for every choice."""

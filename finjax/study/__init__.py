"""The study: many runs with names of their own, split over processes, and a report of them all."""

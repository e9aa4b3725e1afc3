"""What was recorded as curves of bounded size, and a race as data: scores, statistics, words."""

"""Champion and challenger on live traffic, judged by a test that may be read after every outcome."""

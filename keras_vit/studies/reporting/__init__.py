"""What a study is shown as: tables, sentences, a plot and a page."""

"""How the notebooks run: all of them by papermill, or one by one in JupyterLab, and the book of what was executed."""

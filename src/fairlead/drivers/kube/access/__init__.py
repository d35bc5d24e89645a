"""Where the API server is and as whom it is asked, as kubeconfig files, the environment and credential plugins say."""
